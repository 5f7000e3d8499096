"""Trained files and what is said of them -> MANIFEST.toml of a weights folder, and from one such folder to another."""

import contextlib
import fcntl
import json
import os
import shutil
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from radiosem.errors import WeightsError
from radiosem.weights import MANIFEST


def listed(folder: Path) -> list[dict[str, Any]]:
    """Entries of a folder's manifest, none where it has none. Raises WeightsError when it cannot be read."""
    try:
        entries: list[dict[str, Any]] = tomllib.loads((folder / MANIFEST).read_text("utf-8")).get("weights", [])
    except FileNotFoundError:
        return []
    except (OSError, ValueError, RecursionError) as error:
        raise WeightsError(f"{folder / MANIFEST} cannot be read: {error}") from error
    return entries


def list_weights(folder: Path, entry: dict[str, Any], fresh: Path | None = None) -> None:
    """Add an entry to the folder's manifest, in the place of one of its name.

    fresh  the file it is about, on the same disk: moved to its place together with the entry
    """
    with _alone_in(folder):
        entries = [e for e in listed(folder) if e["name"] != entry["name"]]
        part = (folder / MANIFEST).with_suffix(".tmp")
        text = "# Every weights file, checked when it is loaded. Written by the export.\n"
        part.write_text(text + _toml(sorted([*entries, entry], key=lambda e: str(e["name"]))), "utf-8")
        if fresh is not None:  # last, with the manifest: a disk that was full has changed nothing
            os.replace(fresh, folder / entry["file"])
        os.replace(part, folder / MANIFEST)


def judged_alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two scores are of one validation: of the same masks, and the same maps where both say of which.

    one, other  meta of manifest entries, or checkpoints; older ones do not name their maps
    """
    masks, maps = ([str(judged.get(key, ""))[:16] for judged in (one, other)] for key in ("judged_on", "judged_by"))
    return masks[0] == masks[1] != "" and (maps[0] == maps[1] or "" in maps)


def validated(entry: dict[str, Any]) -> tuple[Mapping[str, Any], float] | None:
    """Meta and score, lower is better, of the very network that an entry lists; None where it says none."""
    meta = entry.get("meta", {})
    scores = [score for _, images, score in meta.get("curve", []) if images == meta.get("images")]
    return (meta, min(scores)) if scores and "judged_on" in meta else None


def better_listed(files: list[Path], target: Path) -> str:
    """What speaks against putting an export in the place of what another folder lists; empty when nothing does.

    files  listed in the manifest beside them
    """
    theirs = {entry["file"]: validated(entry) for entry in listed(target)}
    for file in files:
        ours = validated(_entry_of(file))
        kept = theirs.get(file.name)
        if ours is not None and kept is not None and judged_alike(ours[0], kept[0]) and kept[1] < ours[1]:
            return (
                f"{target / file.name} scores {kept[1]:.5g} on the same validation split and this one {ours[1]:.5g}, "
                f"which is worse: the export stays in {file.parent}; replace it all the same with --replace, "
                "or replace = true in a queue"
            )
    return ""


def publish(files: list[Path], target: Path) -> list[Path]:
    """Copy files and their manifest entries from the folder they lie in to another; returns the copies."""
    target.mkdir(parents=True, exist_ok=True)
    for file in files:
        fresh = target / f".{file.name}.part"
        shutil.copyfile(file, fresh)
        list_weights(target, _entry_of(file), fresh)
    return [target / file.name for file in files]


def _entry_of(file: Path) -> dict[str, Any]:
    return next(entry for entry in listed(file.parent) if entry["file"] == file.name)


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Trainings that end together write one manifest: each waits for the other."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _toml(entries: list[dict[str, Any]]) -> str:
    lines = []
    for entry in entries:
        tables = {k: v for k, v in entry.items() if isinstance(v, dict)}
        lines.append("\n[[weights]]")
        lines += [f"{k} = {_value(v)}" for k, v in entry.items() if k not in tables]
        for table, values in tables.items():
            lines.append(f"[weights.{table}]")
            lines += [f"{k} = {_value(v)}" for k, v in values.items()]
    return "\n".join(lines) + "\n"


def _value(value: object) -> str:
    """A JSON string, finite number, boolean or flat list is TOML too."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
