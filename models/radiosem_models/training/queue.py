"""A queue of recipes -> trained one after another, each to the end of its budget; killed, it goes on where it was.

    [[training]]
    recipe = "models/recipes/generator.toml"
    budget = "2h"
    weights = "models/weights"      # where the export goes; left out, it stays beside the checkpoint
    replace = true                  # also in the place of one that scores better on the same validation split

Nothing is kept about the queue itself: what is trained is read off the folders of the trainings and, where there are
none, off the manifest of the weights, so that entries may be added, moved and taken out at any time, and two processes
may work on one queue.
"""

import tomllib
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from radiosem.errors import InputError, MalformedFileError, RadiosemError
from radiosem_models.training.manifest import listed, validated
from radiosem_models.training.recipe import Recipe, listed_as, parse_budget_s, read_recipe
from radiosem_models.training.run_folder import differences, is_held, progress, read_outcome

KEYS = {"recipe", "budget", "weights", "replace"}  # of an entry; the first two it must have


@dataclass(frozen=True)
class Entry:
    """One training that is wanted: a recipe and its seconds of training in all."""

    path: Path
    recipe: Recipe
    budget_s: float
    weights: Path | None
    replace: bool = False


@dataclass(frozen=True)
class Standing:
    """How one entry stands.

    state      trained, training (by some process, now), begun, waiting or failed
    score      best on the validation split, lower is better; None before the first
    elapsed_s  seconds trained
    wants_s    seconds of training still wanted
    reason     why it failed, or why its export stayed beside the checkpoint
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
        tables = tomllib.loads(path.read_text("utf-8"))["training"]
    except OSError as error:
        raise InputError(f"queue is {str(path)!r}, which cannot be read: {error.strerror}; give a TOML file") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"queue {path} is not usable TOML: {error}") from error
    except KeyError:
        raise InputError(f"queue {path} has no [[training]] table; give one a recipe") from None
    entries: list[Entry] = []
    if not (isinstance(tables, list) and all(isinstance(table, dict) for table in tables)):
        raise InputError(f"queue {path} has training = {tables!r}; write every entry below its own [[training]]")
    for number, table in enumerate(tables, 1):
        for key in ("recipe", "budget", "weights"):
            if not isinstance(table.get(key, ""), str):
                raise InputError(f"queue {path}, entry {number} has {key} {table[key]!r}; write it in quotes")
        if not {"recipe", "budget"} <= table.keys() <= KEYS:
            raise InputError(f"queue {path}, entry {number} has {sorted(table)}; it takes {', '.join(sorted(KEYS))}")
        replaces = table.get("replace", False)
        if not isinstance(replaces, bool):
            raise InputError(f"queue {path}, entry {number} has replace {replaces!r}; it must be true or false")
        recipe_path = Path(table["recipe"])
        weights = Path(table["weights"]) if "weights" in table else None
        entry = Entry(recipe_path, read_recipe(recipe_path), parse_budget_s(table["budget"]), weights, replaces)
        if entry.recipe.name in {other.recipe.name for other in entries}:
            raise InputError(f"queue {path}, entry {number} is a second {entry.recipe.name}; file names must differ")
        entries.append(entry)
    return tuple(entries)


def standing(entry: Entry, runs_dir: Path) -> Standing:
    """How an entry stands by the folder of its training; where that is not done, or not here, by its weights folder.

    A damaged outcome.json is told as the reason; the training goes on from its checkpoint and writes it anew.
    """
    folder = runs_dir / entry.recipe.name
    try:
        outcome = read_outcome(folder)
    except MalformedFileError as error:
        return replace(_unfinished(entry, folder), reason=f"{error}; training it again writes it anew")
    if outcome is not None and _is_done(outcome, entry, folder):
        best, elapsed_s, files = outcome["best"], outcome["elapsed_s"], tuple(outcome["files"])
        kept_back = outcome.get("kept_back", "")
        return Standing(entry.recipe.name, "trained", best, elapsed_s, entry.budget_s, 0.0, files, kept_back)
    return _unfinished(entry, folder)


def _unfinished(entry: Entry, folder: Path) -> Standing:
    """How an entry stands whose folder does not say that it is done."""
    name, budget_s = entry.recipe.name, entry.budget_s
    so_far, training, published = progress(folder), is_held(folder), _by_manifest(entry)
    if not training and (not so_far.elapsed_s or (published.state == "trained" and not entry.replace)):
        return published
    state = "training" if training else "begun"
    score = so_far.best if so_far.best < float("inf") else None
    return Standing(name, state, score, so_far.elapsed_s, budget_s, max(budget_s - so_far.elapsed_s, 0.0))


def _by_manifest(entry: Entry) -> Standing:
    """How an entry stands by the export of an earlier training; one that began with another's does not tell its own."""
    name, budget_s = entry.recipe.name, entry.budget_s
    folder = entry.weights or Path()
    found = listed(folder) if entry.weights is not None and "begin_with" not in entry.recipe.options else []
    there = [one for one in found if (folder / one["file"]).is_file()]
    ours = [one for one in there if one["recipe"] == listed_as(entry.path) and validated(one) is not None]
    if not ours:
        return Standing(name, "waiting", None, 0.0, budget_s, budget_s)
    scores = [score for _, score in filter(None, map(validated, ours))]
    files = tuple(str(folder / one["file"]) for one in ours)
    trained_s: float = max(seconds for one in ours for seconds, _, _ in one["meta"]["curve"])
    if trained_s >= budget_s:
        return Standing(name, "trained", min(scores), trained_s, budget_s, 0.0, files)
    best_s: float = max(one["meta"]["seconds"] for one in ours)  # of the network that was exported
    reason = "goes on from these, if their validation split is that of the data"
    return Standing(name, "begun", min(scores), best_s, budget_s, max(budget_s - best_s, 0.0), files, reason)


def _is_done(outcome: dict[str, Any], entry: Entry, folder: Path) -> bool:
    """True when that recipe was trained for that budget and its export still lies where it belongs."""
    kept_back = bool(outcome.get("kept_back")) and not entry.replace
    wanted = folder.resolve() if entry.weights is None or kept_back else entry.weights.resolve()
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
    from radiosem_models.training.loop import train  # imports torch, which telling how entries stand does not need

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
                replace=entry.replace,
            )
        except RadiosemError as error:
            failed[name] = str(error)
            continue
        except Exception as error:  # of one entry: the others go on
            failed[name] = f"{type(error).__name__}: {error}"
            continue
        if not outcome["finished"]:
            break
    return [_told(standing(entry, runs_dir), failed.get(entry.recipe.name)) for entry in queue]


def _told(found: Standing, reason: str | None) -> Standing:
    if reason is None or found.state in ("training", "trained"):  # another process has it, or had
        return found
    return replace(found, state="failed", reason=reason)
