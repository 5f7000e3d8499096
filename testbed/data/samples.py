"""A data set -> one observation a map: noisy readings and the transmitter, in the files that `radiosem send` reads."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from radiosem.errors import InputError
from radiosem_models.data import Dataset, MapKey
from testbed.data.make_pack import draw_samples, write_samples, write_transmitters
from testbed.pack import meter_floor_dbm
from testbed.written import make_folder, write_image


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
        name = f"{key.block_id}_{key.transmitter}"
        written[name] = _write(dataset, key, out / name, count, seed)
    report(len(keys), len(keys))
    return written


def _write(dataset: Dataset, key: MapKey, folder: Path, count: int, seed: int) -> Written:
    buildings, transmitter, grey = dataset.block(key.block_id).buildings, dataset.transmitter(key), dataset.grey(key)
    transmitter.check_inside(dataset.grid(key.block_id), key.transmitter)
    outdoors = int((~buildings).sum())
    if outdoors < count:
        raise InputError(f"count is {count}, but block {key.block_id} has {outdoors} cells outdoors")
    gain_db = dataset.scale.gain_db(grey / np.float32(255))
    power_dbm = np.where(grey > 0, gain_db + np.float32(transmitter.power_dbm), np.float32(-np.inf))
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
