"""A recipe: what is trained, on what terms, as its TOML file states it."""

import dataclasses
import math
import tomllib
from pathlib import Path
from typing import Any

from radiosem.errors import InputError

# Name in a recipe -> module and class: a new task is one file and one line here.
TASKS = {
    "generator": ("radiosem_models.generator", "GeneratorTask"),
    "segmenter": ("radiosem_models.segmenter", "SegmenterTask"),
    "vqvae": ("radiosem_models.vqvae", "VqVaeTask"),
    "outage": ("radiosem_models.outage", "OutageTask"),
    "rival": ("radiosem_models.rivals.task", "RivalTask"),
    "jscc": ("radiosem_models.jscc", "JsccTask"),
    "map-sender": ("radiosem_models.map_senders", "MapSenderTask"),
}


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A training as its TOML file states it.

    task              key of `TASKS`
    seed              of the weights and of every random draw
    ema               decay of the weight average a step, once warmed up
    validate_every_s  seconds of training between two looks at the validation split
    options           for the task: splits, scaling, sizes, learning rates; with `begin_with`, the checkpoint of another
                      training or a published .onnx file, its networks are not drawn by the seed but those found there,
                      whose images and seconds count as theirs
    """

    name: str
    task: str
    seed: int
    ema: float
    validate_every_s: float
    options: dict[str, Any]


class Options(dict[str, Any]):
    """The [options] of a recipe, as a task reads them: one that it wants and the recipe lacks is an InputError."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__(recipe.options)
        self._recipe = recipe.name

    def __missing__(self, key: str) -> Any:
        raise InputError(f"recipe {self._recipe} has no option {key!r}, which its task wants; add it under [options]")


def listed_as(path: Path) -> str:
    """A recipe as a manifest names it: by its place below models/recipes, whatever folder it was called from."""
    parts = path.resolve().parts
    below = parts[len(parts) - parts[::-1].index("recipes") :] if "recipes" in parts else parts[-1:]
    return "/".join(("models/recipes", *below))


def read_recipe(path: Path) -> Recipe:
    """Parse a recipe. raises InputError when the file is not TOML, or a key is missing or unknown."""
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"recipe {path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"recipe {path} is not TOML: {error}") from None
    keys = [field.name for field in dataclasses.fields(Recipe) if field.name != "name"]
    for key in sorted(table.keys() ^ set(keys)):
        raise InputError(
            f"recipe {path} has {'an unknown key' if key in table else 'no'} {key}; keys are {', '.join(keys)}"
        )
    for key, kind, wanted in (
        ("task", str, "the name of a task"),
        ("seed", int, "a whole number"),
        ("ema", (int, float), "a number"),
        ("validate_every_s", (int, float), "seconds"),
        ("options", dict, "a table, [options]"),
    ):
        if isinstance(table[key], bool) or not isinstance(table[key], kind):
            raise InputError(f"recipe {path} has {key} {table[key]!r}; it must be {wanted}")
    recipe = Recipe(name=path.stem, **table)
    if recipe.task not in TASKS:
        raise InputError(f"recipe {path} has task {recipe.task!r}; known are {', '.join(sorted(TASKS))}")
    return recipe


def parse_budget_s(text: str) -> float:
    """'90s', '30m', '2h' -> seconds. raises InputError on anything else."""
    units = {"s": 1, "m": 60, "h": 3600}
    try:
        seconds = float(text[:-1]) * units[text[-1:]]
    except (KeyError, ValueError):
        raise InputError(f"budget is {text!r}; write it like 90s, 30m or 2h") from None
    if not (math.isfinite(seconds) and seconds > 0):
        raise InputError(f"budget is {text!r}; it must be more than nothing")
    return seconds
