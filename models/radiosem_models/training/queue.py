"""A queue of recipes -> trained one after another, each to the end of its budget; killed, it goes on where it was.

    [[training]]
    recipe = "models/recipes/generator.toml"
    budget = "2h"
    weights = "models/weights"      # where the export goes; left out, it stays beside the checkpoint

Nothing is kept about the queue itself: what is trained is read off the folders of the trainings, so that entries may be
added, moved and taken out at any time, and two processes may work on one queue.
"""

import tomllib
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from radiosem.errors import InputError, RadiosemError
from radiosem_models.training.loop import train
from radiosem_models.training.recipe import Recipe, parse_budget_s, read_recipe
from radiosem_models.training.run_folder import differences, is_held, progress, read_outcome


@dataclass(frozen=True)
class Entry:
    """One training that is wanted: a recipe and its seconds of training in all."""

    path: Path
    recipe: Recipe
    budget_s: float
    weights: Path | None


@dataclass(frozen=True)
class Standing:
    """How one entry stands.

    state      trained, training (by some process, now), begun, waiting or failed
    score      best on the validation split, lower is better; None before the first
    elapsed_s  seconds trained
    wants_s    seconds of training still wanted
    reason     why it failed
    """

    recipe: str
    state: str
    score: float | None
    elapsed_s: float
    budget_s: float
    wants_s: float
    files: tuple[str, ...] = ()
    reason: str = ""


def read_queue(path: Path) -> tuple[Entry, ...]:
    """Parse a queue and every recipe in it. raises InputError naming the entry that is unusable"""
    try:
        tables = tomllib.loads(path.read_text())["training"]
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"queue {path} is not usable: {error}") from error
    except KeyError:
        raise InputError(f"queue {path} has no [[training]] table; give one a recipe") from None
    entries: list[Entry] = []
    for number, table in enumerate(tables, 1):
        if not {"recipe", "budget"} <= table.keys() <= {"recipe", "budget", "weights"}:
            raise InputError(f"queue {path}, entry {number} has {sorted(table)}; it takes recipe, budget and weights")
        recipe_path = Path(table["recipe"])
        weights = Path(table["weights"]) if "weights" in table else None
        entry = Entry(recipe_path, read_recipe(recipe_path), parse_budget_s(table["budget"]), weights)
        if entry.recipe.name in {other.recipe.name for other in entries}:
            raise InputError(f"queue {path}, entry {number} is a second {entry.recipe.name}; file names must differ")
        entries.append(entry)
    return tuple(entries)


def standing(entry: Entry, runs_dir: Path) -> Standing:
    """How an entry stands by the folder of its training."""
    folder = runs_dir / entry.recipe.name
    name, budget_s = entry.recipe.name, entry.budget_s
    outcome = read_outcome(folder)
    if outcome is not None and _is_done(outcome, entry, folder):
        return Standing(name, "trained", outcome["best"], outcome["elapsed_s"], budget_s, 0.0, tuple(outcome["files"]))
    so_far = progress(folder)
    state = "training" if is_held(folder) else "begun" if so_far.elapsed_s else "waiting"
    score = so_far.best if so_far.best < float("inf") else None
    return Standing(name, state, score, so_far.elapsed_s, budget_s, max(budget_s - so_far.elapsed_s, 0.0))


def _is_done(outcome: dict[str, Any], entry: Entry, folder: Path) -> bool:
    """True when that recipe was trained for that budget and its export still lies where it is wanted."""
    wanted = (entry.weights or folder).resolve()
    return (
        outcome["budget_s"] >= entry.budget_s
        and not differences(outcome["begun_with"], asdict(entry.recipe))
        and all(Path(file).is_file() and Path(file).resolve().parent == wanted for file in outcome["files"])
    )


def work_through(
    queue: tuple[Entry, ...],
    data_dir: Path,
    runs_dir: Path,
    report: Callable[[str, float, str], None] = lambda recipe, share, text: None,
) -> list[Standing]:
    """Train what is not trained yet, in order, until all is done or a signal stops it.

    report   called with the recipe's name, its share done and a line of text
    returns  how every entry stands; one that could not be trained is `failed` and says why, and the others go on
    """
    failed: dict[str, str] = {}
    for entry in queue:
        name = entry.recipe.name
        if standing(entry, runs_dir).state == "trained":
            continue
        try:
            outcome = train(
                entry.path,
                data_dir,
                entry.budget_s,
                resume=True,
                runs_dir=runs_dir,
                weights_dir=entry.weights,
                report=lambda share, text, name=name: report(name, share, text),  # type: ignore[misc]
            )
        except RadiosemError as error:
            failed[name] = str(error)
            continue
        if not outcome["finished"]:
            break
    return [_told(standing(entry, runs_dir), failed.get(entry.recipe.name)) for entry in queue]


def _told(found: Standing, reason: str | None) -> Standing:
    if reason is None or found.state == "training":
        return found
    return replace(found, state="failed", reason=reason)
