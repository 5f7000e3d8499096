"""A data set -> one observation a map: noisy readings and the transmitter, in the files that `radiosem send` reads."""

import csv
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from radiosem.errors import InputError
from radiosem.types import Samples, Transmitter
from radiosem_models.data import Dataset, MapKey
from testbed.observation import SAMPLE_COLUMNS
from testbed.pack import heard_dbm, meter_floor_dbm
from testbed.written import make_folder, write_image

READINGS_A_TRANSMITTER = 300
NOISE_DB = 1.0


def draw_samples(
    powers_dbm: list[NDArray[np.float32]],
    buildings: NDArray[np.bool_],
    floor_dbm: float,
    seed: int,
    count: int = READINGS_A_TRANSMITTER,
) -> Samples:
    """Read every transmitter's map at random outdoor cells, with 1 dB of noise.

    powers_dbm  one map [H, W] a transmitter, -inf where censored
    floor_dbm   what is read where there is nothing to hear
    count       cells read in each
    returns     `count` samples a transmitter, each at a cell of its own
    raises      InputError when fewer cells are outdoors
    """
    outdoors = np.argwhere(~buildings)
    if len(outdoors) < count:
        raise InputError(f"count is {count}, but {len(outdoors)} cells are outdoors; draw no more than there are")
    rng = np.random.default_rng(seed)
    parts = []
    for index, power_dbm in enumerate(powers_dbm):
        row, col = outdoors[rng.choice(len(outdoors), count, replace=False)].T
        noisy = power_dbm[row, col] + rng.normal(0, NOISE_DB, len(row))
        parts.append((np.full(len(row), index), col, row, np.maximum(noisy, floor_dbm)))
    transmitter, col, row, power = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Samples(transmitter, col, row, power)


def write_samples(path: Path, samples: Samples) -> None:
    """Samples -> CSV, powers to a hundredth of a dB."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(SAMPLE_COLUMNS)
        for transmitter, col, row, power_dbm in zip(
            samples.transmitter, samples.col, samples.row, samples.power_dbm, strict=True
        ):
            writer.writerow((transmitter, col, row, f"{power_dbm:.2f}"))


def write_transmitters(path: Path, transmitters: list[Transmitter]) -> None:
    """Transmitters -> JSON, one a line."""
    lines = [
        json.dumps(
            {
                "col": transmitter.col,
                "row": transmitter.row,
                "height_m": transmitter.height_m,
                "power_dbm": transmitter.power_dbm,
                "frequency_hz": transmitter.frequency_hz,
            }
        )
        for transmitter in transmitters
    ]
    path.write_text("[\n  " + ",\n  ".join(lines) + "\n]\n")


class Written(NamedTuple):
    """Samples of one map, those that heard something, and the power in dBm that the others hold."""

    samples: int
    heard: int
    floor_dbm: float


def write_observations(
    data: Path,
    out: Path,
    count: int,
    seed: int,
    split: str = "all",
    gain: str = "RT",
    report: Callable[[int, int], None] = lambda done, of: None,
) -> dict[str, Written]:
    """Write BLOCK_TRANSMITTER/samples.csv, transmitters.json and, where cars took part, cars.png for every map.

    data     folder in RadioMapSeer's layout whose scale is known
    count    outdoor cells read in a map, each once; where nothing is heard the floor is written
    seed     with the map's name it settles places and noise
    returns  what was written, by map
    raises   InputError when the data set has no such maps, an unknown scale, fewer outdoor cells than `count`, or a
             transmitter outside its grid
    """
    dataset = Dataset(data)
    keys = dataset.some_keys(split, (gain,))
    written = {}
    for done, key in enumerate(keys):
        report(done, len(keys))
        written[key.name] = _write(dataset, key, out / key.name, count, seed)
    report(len(keys), len(keys))
    return written


def _write(dataset: Dataset, key: MapKey, folder: Path, count: int, seed: int) -> Written:
    buildings, transmitter, grey = dataset.block(key.block_id).buildings, dataset.transmitter(key), dataset.grey(key)
    transmitter.check_inside(dataset.grid(key.block_id), key.transmitter)
    outdoors = int((~buildings).sum())
    if outdoors < count:
        raise InputError(f"count is {count}, but block {key.block_id} has {outdoors} cells outdoors")
    power_dbm = heard_dbm(dataset.scale, grey / np.float32(255), transmitter)
    floor_dbm = meter_floor_dbm(dataset.scale, [transmitter])
    samples = draw_samples([power_dbm], buildings, floor_dbm, _seed_of(key, seed), count)
    make_folder(folder, "out")
    write_samples(folder / "samples.csv", samples)
    write_transmitters(folder / "transmitters.json", [transmitter])
    cars = dataset.cars(key)
    if cars is not None:
        write_image(folder / "cars.png", cars.astype(np.uint8) * 255)
    return Written(len(samples), int((samples.power_dbm > floor_dbm).sum()), floor_dbm)


def _seed_of(key: MapKey, seed: int) -> int:
    name = f"{seed} {key.model} {key.block_id} {key.transmitter}"
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
