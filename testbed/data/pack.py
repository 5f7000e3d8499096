"""Ray-traced data set -> sample pack: a handful of Florence blocks as an edge device would observe them.

Everything is drawn from the seeds written into pack.json, so that the same data set gives the same pack.
"""

import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from radiosem.errors import InputError
from radiosem_models.data import Dataset, MapKey
from testbed.data.samples import NOISE_DB, READINGS_A_TRANSMITTER, draw_samples, write_samples, write_transmitters
from testbed.pack import heard_dbm, meter_floor_dbm
from testbed.written import make_folder, write_image

SMALLEST = (cv2.IMWRITE_PNG_COMPRESSION, 9)
JPEG_QUALITY = 88

Render = Callable[..., NDArray[np.uint8]]  # radiosem_models.rendering.landscape.landscape_image


@dataclass(frozen=True)
class Choice:
    """One observation to draw: a block of the data set, who radiates in it, and whether cars are in the streets."""

    id: str
    title: str
    block: str
    transmitters: tuple[int, ...]
    cars: bool = False


CHOICES = (
    Choice("florence-02-a", "Florence: a square open to the south, the transmitter on it", "2", (2,)),
    Choice("florence-02-b", "The same block, the transmitter in a street", "2", (3,)),
    Choice(
        "florence-02-cars", "The same block and transmitter as the first, with cars in the streets", "2", (2,), True
    ),
    Choice("florence-04-a", "Florence: a tower of 70 m among low roofs", "4", (2,)),
    Choice("florence-08-a", "Florence: beside a dome of 110 m", "8", (0,)),
    Choice("florence-08-b", "The same block, another transmitter", "8", (2,)),
    Choice("florence-10-a", "Florence: a grid of streets at an angle", "10", (1,)),
    Choice("florence-10-b", "The same block, another transmitter", "10", (3,)),
    Choice("florence-10-two", "The same block, both transmitters at once", "10", (1, 3)),
    Choice("florence-13-cars", "Florence: courtyards, with cars in the streets", "13", (0,), True),
)

ATTRIBUTION = """# Where these samples come from

Geometry of the buildings: © OpenStreetMap contributors, available under the Open Database License (ODbL) 1.0,
<https://www.openstreetmap.org/copyright>, <https://opendatacommons.org/licenses/odbl/1-0/>. It is the city model of
Florence that is shipped with Sionna RT.

- `buildings.png`, `cars.png`, `truth_*.png`: blocks of 256 x 256 m of Florence, rasterised and ray traced with
  [Sionna RT](https://nvlabs.github.io/sionna/) at 5.9 GHz, receiver at 1.5 m. This is a simulation, not a measurement.
  The cars are placed at random. Being derived from the geometry, these files are under the ODbL too.
- `landscape.jpg`: drawn from the footprints and heights by this project's renderer. Not a photograph.
- `samples.csv`: read from the simulated maps with 1 dB of noise at 300 random outdoor cells a transmitter. Where it is
  not heard the floor of the scale is written.

`pack.json` names the source blocks, the scale and the seeds; `radiosem data pack` makes the pack again.
"""


def every_map(data: Path, split: str) -> tuple[Choice, ...]:
    """One observation of each static map of a split. Raises InputError when it has none."""
    dataset = Dataset(data)
    keys = dataset.keys(split, ("RT",))
    if not keys:
        raise InputError(f"split is {split!r}, of which {data} has no map under gain/RT; static maps of it make a pack")
    return tuple(
        Choice(
            f"{dataset.block(key.block_id).city}-{key.block_id}-{key.transmitter}",
            f"{dataset.block(key.block_id).city}: block {key.block_id}, transmitter {key.transmitter}",
            key.block_id,
            (key.transmitter,),
        )
        for key in keys
    )


def make_pack(data: Path, out: Path, render: Render, choices: tuple[Choice, ...] = CHOICES, seed: int = 2026) -> Path:
    """Write a sample pack.

    data     data set in the layout of RadioMapSeer, with heights and its scale in dataset.json
    out      folder to fill; files of the same names are replaced
    render   (heights_m, seed=, cars=) -> RGB uint8 [2 H, 2 W, 3]
    seed     of the readings and of the landscapes
    returns  the path of pack.json
    raises   InputError when a block has no heights, or the data set is not what it should be
    """
    dataset = Dataset(data)
    missing = sorted({choice.block for choice in choices} - set(dataset.block_ids))
    if missing:
        raise InputError(f"{data} has no block {', '.join(missing)}; say which blocks to take by a split")
    make_folder(out, "out")
    entries = []
    rows, cols = dataset.block(choices[0].block).buildings.shape
    for number, choice in enumerate(choices):
        entries.append(_write_observation(dataset, out / choice.id, choice, render, seed, number))
    about = {
        "format": 1,
        "grid": {"rows": rows, "cols": cols, "cell_size_m": dataset.cell_size_m},
        "scale": {"name": dataset.scale.name, "floor_db": dataset.scale.floor_db, "top_db": dataset.scale.top_db},
        "simulator": dataset.about.get("simulator"),
        "geometry": dataset.about.get("geometry"),
        "receiver_height_m": dataset.about.get("rx_height_m"),
        "readings_a_transmitter": READINGS_A_TRANSMITTER,
        "noise_db": NOISE_DB,
        "observations": entries,
    }
    theirs = f"Geometry of the buildings: {dataset.about.get('geometry')}\n"
    (out / "ATTRIBUTION.md").write_text(ATTRIBUTION if choices == CHOICES else theirs)
    path = out / "pack.json"
    path.write_text(json.dumps(about, indent=2, ensure_ascii=False) + "\n")
    return path


def _write_observation(
    dataset: Dataset, folder: Path, choice: Choice, render: Render, seed: int, number: int
) -> dict[str, Any]:
    folder.mkdir(exist_ok=True)
    model = "carsRT" if choice.cars else "RT"
    block = dataset.block(choice.block)
    if block.heights_m is None:
        raise InputError(f"block {choice.block} has no png/heights; a landscape is drawn from heights")
    cars = block.cars if choice.cars else None
    keys = [MapKey(choice.block, transmitter, model) for transmitter in choice.transmitters]
    transmitters = [dataset.transmitter(key) for key in keys]
    powers_dbm = []
    for index, (key, transmitter) in enumerate(zip(keys, transmitters, strict=True)):
        grey = dataset.grey(key)
        write_image(folder / f"truth_{index}.png", grey, *SMALLEST)
        powers_dbm.append(heard_dbm(dataset.scale, grey / np.float32(255), transmitter))
    floor_dbm = meter_floor_dbm(dataset.scale, transmitters)
    write_samples(folder / "samples.csv", draw_samples(powers_dbm, block.buildings, floor_dbm, seed + number))
    write_transmitters(folder / "transmitters.json", transmitters)
    write_image(folder / "buildings.png", block.buildings.astype(np.uint8) * 255, *SMALLEST)
    if cars is not None:
        write_image(folder / "cars.png", cars.astype(np.uint8) * 255, *SMALLEST)
    number_of_block = int(choice.block) if choice.block.isdecimal() else zlib.crc32(choice.block.encode())
    landscape_seed = seed + number_of_block  # the same roofs whenever a block is seen again
    landscape = render(block.heights_m, seed=landscape_seed, cars=cars)
    write_image(folder / "landscape.jpg", landscape[:, :, ::-1], cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY)
    return {
        "id": choice.id,
        "title": choice.title,
        "block": choice.block,
        "city": block.city,
        "split": dataset.split_of(choice.block),
        "simulation": model,
        "transmitters": list(choice.transmitters),
        "cars": choice.cars,
        "samples_seed": seed + number,
        "landscape_seed": landscape_seed,
    }
