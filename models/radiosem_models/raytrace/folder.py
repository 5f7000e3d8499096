"""Traced tiles -> a folder in RadioMapSeer's layout that is whole after every tile, whoever else writes into it.

png/buildings_complete/ID.png, png/heights/ID.png, png/cars/ID.png, antenna/ID.json
gain/RT/ID_TX.png, gain/carsRT/ID_TX.png
tiles/ID.json         written last: a tile that has one is done
tiles/run-RUN.json    the settings of a run, which a later one must share to go on with its tiles
dataset.json          scale, runs and the split of every tile, gathered from tiles/
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2

from radiosem.errors import InputError
from radiosem_models.raytrace.tracing import TracedTile

FOLDERS = ("png/buildings_complete", "png/heights", "png/cars", "antenna", "gain/RT", "gain/carsRT", "tiles")


class MapFolder:
    """A data set that is being made.

    root    the folder, made where it is missing
    about   what holds for all its tiles: simulator, frequency_hz, rx_height_m, floor_db, top_db, cell_size_m
    run     the settings of this run; tiles of another run may lie in the same folder under other numbers
    raises  InputError when the folder holds a data set of another maker or of another frequency
    """

    def __init__(self, root: Path, about: dict[str, object], run: dict[str, object]) -> None:
        self.root, self._about, self._run = root, about, run
        self.run_id = hashlib.sha256(json.dumps(run, sort_keys=True).encode()).hexdigest()[:8]
        index = root / "dataset.json"
        if index.is_file():
            known = _read(index)
            if "runs" not in known:
                raise InputError(f"{index} was made by another tool; give a folder of its own")
            for key, value in about.items():
                if known.get(key) != value:
                    raise InputError(f"{index} has {key} {known.get(key)!r}, this run {value!r}; give another folder")
        foreign = [folder for folder in FOLDERS if any((root / folder).glob("[!.]*.*"))]
        if foreign and not any(root.glob("tiles/run-*.json")):  # asked last: another shard may begin this moment
            raise InputError(f"out is {str(root)!r}, whose {foreign[0]} another tool made; give another folder")
        for folder in FOLDERS:
            (root / folder).mkdir(parents=True, exist_ok=True)

    def is_done(self, tile_id: int) -> bool:
        """True when the tile was traced by this run, now or before it was stopped.

        raises  InputError when a run with other settings has traced a tile of this number
        """
        path = self._record(tile_id)
        if not path.is_file():
            return False
        other = _read(path).get("run")
        if other != self.run_id:
            settings = self.root / "tiles" / f"run-{other}.json"
            told = _read(settings) if settings.is_file() else {}
            differ = [key for key, value in told.items() if self._run.get(key) != value]
            raise InputError(
                f"{path} was traced with other settings ({', '.join(differ) or 'fewer of them'}); "
                "repeat those, or give another folder or another --first-id"
            )
        return True

    def write(self, traced: TracedTile) -> None:
        """Keep a tile: what run it is of, its files, then its record, then the index."""
        self._keep_run()
        for path, image in traced.images.items():
            done, data = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 9])
            assert done  # any uint8 array is a PNG
            _replace(self.root / path, data.tobytes())
        if traced.images:
            _replace(self.root / f"antenna/{traced.tile_id}.json", json.dumps(traced.antennas).encode())
        _replace(self._record(traced.tile_id), _dump({**traced.entry, "run": self.run_id}))
        self.write_index()

    def write_index(self) -> None:
        """Gather dataset.json from the tiles that are there, other runs' and other shards' among them."""
        with self._alone():
            self._keep_run()
            records = {path.stem: _read(path) for path in (self.root / "tiles").glob("*.json")}
            runs = {name.removeprefix("run-"): about for name, about in records.items() if name.startswith("run-")}
            tiles = {name: records[name] for name in sorted((n for n in records if n.isdigit()), key=int)}
            heard = {name: tile for name, tile in tiles.items() if tile["transmitters"]}
            _replace(self.root / "dataset.json", _dump({**self._about, **_common(runs), "runs": runs, "tiles": heard}))

    def _keep_run(self) -> None:
        run = self.root / "tiles" / f"run-{self.run_id}.json"
        if not run.is_file():
            _replace(run, _dump(self._run))

    def _record(self, tile_id: int) -> Path:
        return self.root / "tiles" / f"{tile_id}.json"

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other processes on this machine from gathering at the same time."""
        with (self.root / "tiles" / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _common(runs: dict[str, dict[str, Any]]) -> dict[str, object]:
    """What all runs agree on of what a reader of the data set asks for."""
    found: dict[str, object] = {}
    for key in ("tx_height_m", "seed"):
        values = {run[key] for run in runs.values()}
        if len(values) == 1:
            found[key] = values.pop()
    found["geometry"] = "; ".join(sorted({run["geometry"] for run in runs.values()}))
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is not JSON: {error}") from None
    return found


def _dump(value: dict[str, Any]) -> bytes:
    return json.dumps(value, indent=1).encode()


def _replace(path: Path, data: bytes) -> None:
    """Write a file that is there whole or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.write_bytes(data)
    part.replace(path)
