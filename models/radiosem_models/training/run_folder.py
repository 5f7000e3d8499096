"""The folder of one training: who holds it, what it was begun with, how far it is and what came of it.

last.pt, best.pt  checkpoints, see `run.Run`      log.jsonl     losses and validations
outcome.json      once it is finished               curves.png    the log, drawn
"""

import contextlib
import fcntl
import hashlib
import json
import math
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from radiosem.errors import InputError, MalformedFileError

CHECKPOINT, BEST, LOG, OUTCOME, LOCK = "last.pt", "best.pt", "log.jsonl", "outcome.json", "held"
OUTCOME_KEYS = {"best", "begun_with", "budget_s", "elapsed_s", "files"}  # those that are read again
# What may differ between a training and its continuation, for it does not change what is learned.
NEUTRAL = ("name", "validate_every_s", "options.aerial", "options.bfloat16", "options.cache", "options.test_seeds")


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Within, no other process trains in this folder. Raises InputError when one does."""
    folder.mkdir(parents=True, exist_ok=True)
    # A file of its own: the folder itself is locked by an export into it.
    handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT)
    try:
        if not _lock(handle):
            raise InputError(f"{folder} is being trained in by another process; wait for it, or end it")
        yield
    finally:
        os.close(handle)


def _lock(handle: int) -> bool:
    """Try for a moment: whoever asks `is_held` has the lock for an instant."""
    for _ in range(3):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(0.1)
    return False


def is_held(folder: Path) -> bool:
    """True while some process trains in the folder."""
    if not folder.is_dir():
        return False
    try:
        with held(folder):
            return False
    except InputError:
        return True


def differences(begun: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What of a recipe was changed so that another network would be learned, as "key is 2, was 1"."""
    old, new = _flat(begun), _flat(now)
    keys = sorted(key for key in old.keys() | new.keys() if key not in NEUTRAL and old.get(key) != new.get(key))
    return [f"{key} is {new.get(key, 'missing')!r}, was {old.get(key, 'missing')!r}" for key in keys]


def digest(recipe: dict[str, Any]) -> str:
    """16 hex digits that differ between two recipes by which different networks would be learned."""
    told = {key: value for key, value in _flat(recipe).items() if key not in NEUTRAL}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


def refuse_changes(begun: dict[str, Any] | None, now: dict[str, Any], folder: Path) -> None:
    """Raise InputError naming every key by which a recipe differs from the one that a training was begun with.

    begun  as the checkpoint holds it; None, as in one that holds no recipe, is taken for the same
    """
    changed = differences(begun, now) if begun is not None else []
    if changed:
        raise InputError(
            f"{folder} was begun with another recipe: {'; '.join(changed)}; "
            "put the old values back, give the changed recipe a new file name, or begin again with --restart"
        )


def _flat(recipe: dict[str, Any]) -> dict[str, Any]:
    """Options as keys of their own; through JSON, so that tuples and lists are one."""
    plain = json.loads(json.dumps(recipe))
    options = plain.pop("options", {})
    return {**plain, **{f"options.{key}": value for key, value in options.items()}}


def clear(folder: Path) -> None:
    """Forget an earlier training of the same name."""
    for name in (CHECKPOINT, BEST, LOG, OUTCOME):
        (folder / name).unlink(missing_ok=True)


def write_outcome(folder: Path, outcome: dict[str, Any]) -> None:
    """Say that the training is finished; whole or not there, even after a power cut."""
    fresh = folder / f"{OUTCOME}.tmp"
    with fresh.open("w") as file:
        file.write(json.dumps(outcome, indent=2) + "\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, folder / OUTCOME)


def read_outcome(folder: Path) -> dict[str, Any] | None:
    """What `write_outcome` wrote, None when the training has never been finished.

    raises  MalformedFileError when the file is damaged
    """
    path = folder / OUTCOME
    try:
        outcome = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise MalformedFileError(path, f"cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise MalformedFileError(path, f"is not JSON: {error}") from None
    if not (isinstance(outcome, dict) and outcome.keys() >= OUTCOME_KEYS):
        raise MalformedFileError(path, f"is no outcome of a training; it must hold {', '.join(sorted(OUTCOME_KEYS))}")
    return outcome


@dataclass(frozen=True)
class Progress:
    """How far a training is by its log: seconds of training, and its best score so far, infinite before the first."""

    elapsed_s: float
    best: float


def read_log(folder: Path) -> list[dict[str, Any]]:
    """Lines of the log; one that a kill cut short is left out."""
    lines = []
    with contextlib.suppress(FileNotFoundError):
        for text in (folder / LOG).read_text().splitlines():
            with contextlib.suppress(json.JSONDecodeError):
                lines.append(json.loads(text))
    return lines


def progress(folder: Path) -> Progress:
    """How far the training in the folder is; nothing when it was never begun."""
    lines = read_log(folder)
    scores = [line["validation"]["score"] for line in lines if "validation" in line]
    return Progress(max((line["elapsed_s"] for line in lines), default=0.0), min(scores, default=math.inf))
