"""Data sets of one scale -> one data set that holds the maps of all of them, cities still apart."""

import json
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from radiosem.errors import InputError
from radiosem_models.data import MAP_NAME, Dataset
from testbed.written import make_folder, write_whole

SHARED = ("frequency_hz", "rx_height_m", "floor_db", "top_db", "cell_size_m")  # what all must agree on
KEPT = ("png", "antenna", "gain")


def join_datasets(
    out: Path,
    folders: Sequence[Path],
    report: Callable[[int, int], None] = lambda done, of: None,
    train_on: Sequence[str] = (),
) -> dict[str, int]:
    """Put the files of several data sets into one folder, hard links where the disk allows, and gather dataset.json.

    Whatever the folder is called, the data set is called by its parts.

    out       folder; files that are there already are left, so that a run that was stopped can be called again
    folders   in RadioMapSeer's layout with dataset.json
    report    called with files done and files in all
    train_on  cities of the training split; empty takes all. Other splits are never thinned
    returns   blocks by folder
    raises    InputError when a city of `train_on` is in none of them, when two hold a block of one number, or differ in
              scale, carrier or cell, or when `out` already holds blocks of another data set
    """
    abouts = {folder: _about(folder) for folder in folders}
    if train_on:
        abouts = _thinned(abouts, train_on)
    first = folders[0]
    for folder, about in abouts.items():
        for key in SHARED:
            if about.get(key) != abouts[first].get(key):
                raise InputError(
                    f"{folder} has {key} {about.get(key)!r}, {first} has {abouts[first].get(key)!r}; "
                    "only data sets of one scale, carrier and cell can be joined"
                )
    owners: dict[str, Path] = {}
    for folder, about in abouts.items():
        for block_id in about["tiles"]:
            if block_id in owners:
                raise InputError(
                    f"block {block_id} is in {owners[block_id]} and in {folder}; trace one of them with --first-id"
                )
            owners[block_id] = folder
    if (out / "dataset.json").is_file():
        others = sorted(_about(out)["tiles"].keys() - owners.keys())
        if others:
            raise InputError(f"out is {str(out)!r}, which already holds block {others[0]}; give a folder of its own")
    make_folder(out, "out")
    files = [(folder, path) for folder in folders for part in KEPT for path in _files(folder / part)]
    files = [(folder, path) for folder, path in files if owners.get(_block_of(path, folder)) == folder]
    for done, (folder, path) in enumerate(files):
        report(done, len(files))
        _link(path, out / path.relative_to(folder))
    name = " + ".join(Dataset(folder).name for folder in folders)
    joined: dict[str, Any] = {"name": f"{name}, {' and '.join(train_on)} to train on" if train_on else name}
    joined |= {key: abouts[first][key] for key in SHARED if key in abouts[first]}
    for key in ("simulator", "geometry"):
        joined[key] = "; ".join(dict.fromkeys(str(about[key]) for about in abouts.values() if key in about))
    joined["tiles"] = {block: entry for about in abouts.values() for block, entry in about["tiles"].items()}
    write_whole(out / "dataset.json", json.dumps(joined, indent=1).encode())
    return {str(folder): len(about["tiles"]) for folder, about in abouts.items()}


def _thinned(abouts: dict[Path, dict[str, Any]], train_on: Sequence[str]) -> dict[Path, dict[str, Any]]:
    """The same data sets without the training tiles of other cities."""
    cities = {tile["city"] for about in abouts.values() for tile in about["tiles"].values() if tile["split"] == "train"}
    for city in train_on:
        if city not in cities:
            raise InputError(
                f"train_on is {city!r}, which no training tile is of; cities are {', '.join(sorted(cities))}"
            )
    return {
        folder: about
        | {"tiles": {k: t for k, t in about["tiles"].items() if t["split"] != "train" or t["city"] in train_on}}
        for folder, about in abouts.items()
    }


def _about(folder: Path) -> dict[str, Any]:
    about: dict[str, Any] = Dataset(folder).about
    if not isinstance(about.get("tiles"), dict):
        raise InputError(f"{folder} has no dataset.json that names its tiles; without it there are no splits to join")
    return about


def _files(folder: Path) -> list[Path]:
    """Maps, masks and antennas; not what a tool that was killed left half written."""
    return sorted(path for path in folder.rglob("*") if path.suffix in (".png", ".json"))


def _block_of(path: Path, folder: Path) -> str:
    """The block that a file is of: a map also names its transmitter."""
    named = MAP_NAME.fullmatch(path.stem) if path.relative_to(folder).parts[0] == "gain" else None
    return named[1] if named else path.stem


def _link(source: Path, target: Path) -> None:
    if target.exists():
        if not target.samefile(source) and target.read_bytes() != source.read_bytes():
            raise InputError(f"out has {target}, which is not that of {source}; give a folder of its own")
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source.resolve(), target)
    except OSError:  # another disk
        part = target.with_name(f".{target.name}.part")
        shutil.copyfile(source, part)
        part.replace(target)
