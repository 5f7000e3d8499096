"""An Observation message -> checked arrays: image, grid, transmitters, samples and cars."""

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_tx.images import MAX_BYTES, MAX_PIXELS, decode_image, decode_mask
from radiosem.errors import InputError
from radiosem.masks.on_grid import resize
from radiosem.physics.pathloss import check_samples
from radiosem.types import DEFAULT_POWER_DBM, MAX_TRANSMITTERS, BuildingMap, CarMap, Grid, Place, Samples, Transmitter
from radiosem_proto.v1 import radiosem_pb2 as pb

_OBSERVATION_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
ASPECT_TOLERANCE = 0.05
IMAGE_CELL_M = 0.5  # ground a pixel of the image covers once it is brought to the scale the segmenter knows
POWER_RANGE_DBM = -250.0, 100.0  # far beyond both ends of what can be received
MAX_SAMPLES = 250_000  # several times the cells of an ordinary block
COARSEST_M = 2.0  # of a pixel: houses are a few of them
FEWEST_ALIKE = 5  # samples of one power to the last digit, which readings of a field do not have
GEOGRAPHIC = (4258, 4267, 4269, 4283, 4326, 4490, 4674, 4979)  # EPSG systems in degrees, the usual ones
MAX_IMAGE_SIDE = 2048  # pixels at that scale


@dataclass(frozen=True)
class Sensed:
    """One observation, every value known to be usable.

    image      uint8 [h, w, 3], RGB of the block at 0.5 m a pixel; None where the mask is given
    buildings  bool [H, W] as given; None where it is to be found in the image
    floor_dbm  samples at or below say only that there was nothing to hear; None where nobody says
    cars       bool [H, W] or None
    place      where on Earth the block lies; None where it is not said
    warnings   what a user should know though the observation is usable
    """

    observation_id: str
    image: NDArray[np.uint8] | None
    buildings: BuildingMap | None
    grid: Grid
    transmitters: tuple[Transmitter, ...]
    samples: Samples
    floor_dbm: float | None
    cars: CarMap | None
    place: Place | None
    warnings: tuple[str, ...]


def sense(
    observation: pb.Observation,
    max_image_bytes: int = MAX_BYTES,
    max_image_pixels: int = MAX_PIXELS,
    floor_dbm: float | None = None,
) -> Sensed:
    """Check every field of an observation and decode its images, the cheap checks first.

    floor_dbm  that of the meter where the observation does not say
    raises  InputError naming the field, its value and what would be right
    """
    observation_id = read_id(observation.observation_id)
    grid = read_grid(observation.grid)
    transmitters = read_transmitters(observation, grid)
    samples = read_samples(observation.samples, len(transmitters), grid)
    cars = decode_mask(observation.cars_png, grid.shape) if observation.cars_png else None
    floor_dbm = read_floor_dbm(observation.samples, floor_dbm)
    warnings = tuple(_floor_warnings(samples, floor_dbm))
    image = buildings = None
    if observation.mask_png:
        buildings = decode_mask(observation.mask_png, grid.shape, "mask_png")
        if buildings.all():
            raise InputError("mask_png is building throughout; there must be an outdoor cell to draw a map for")
    else:
        if not observation.image:
            raise InputError("there is neither image nor mask_png; give the image of the block, or its buildings")
        shape = image_shape(grid)
        seen = decode_image(observation.image, max_image_bytes, max_image_pixels)
        image, warnings = resize(seen, shape), (*_image_warnings(seen, grid), *warnings)
    place = read_place(observation) if observation.HasField("place") else None
    return Sensed(observation_id, image, buildings, grid, transmitters, samples, floor_dbm, cars, place, warnings)


def image_shape(grid: Grid) -> tuple[int, int]:
    """(rows, cols) of an image of the block at 0.5 m a pixel. Raises InputError when the block is too large."""
    rows, cols = (max(1, round(side * grid.cell_size_m / IMAGE_CELL_M)) for side in grid.shape)
    if max(rows, cols) > MAX_IMAGE_SIDE:
        raise InputError(
            f"grid of {grid.rows} x {grid.cols} cells of {grid.cell_size_m:g} m is "
            f"{rows * IMAGE_CELL_M:g} x {cols * IMAGE_CELL_M:g} m; "
            f"at most {MAX_IMAGE_SIDE * IMAGE_CELL_M:g} m a side can be segmented"
        )
    return rows, cols


def read_id(observation_id: str) -> str:
    """The observation's own id, or a new one where it has none. Raises InputError."""
    if not observation_id:
        return uuid.uuid4().hex
    if not _OBSERVATION_ID.fullmatch(observation_id):
        raise InputError(
            f"observation_id is {observation_id[:80]!r}; it must be 1 to 64 of the characters A-Z a-z 0-9 . _ -"
        )
    return observation_id


def read_grid(grid: pb.Grid) -> Grid:
    """The grid, with the defaults of the contract where a field is 0. Raises InputError."""
    return Grid(grid.rows or 256, grid.cols or 256, grid.cell_size_m or 1.0)


def read_place(observation: pb.Observation) -> Place:
    """Where the block lies. Raises InputError, also on what looks like degrees."""
    told = observation.place
    place = Place(told.epsg, told.west_m, told.north_m)
    if place.epsg in GEOGRAPHIC or (abs(place.west_m) <= 180 and abs(place.north_m) <= 90):
        raise InputError(
            f"place is {place.epsg},{place.west_m:g},{place.north_m:g}, which looks like degrees; it must be a "
            "projected system and metres, such as 32631,448262.5,5411932 (UTM zone 31N)"
        )
    return place


def read_transmitters(observation: pb.Observation, grid: Grid) -> tuple[Transmitter, ...]:
    """The transmitters, with the defaults of the contract. Raises InputError, also on one outside the grid."""
    if not 1 <= len(observation.transmitters) <= MAX_TRANSMITTERS:
        raise InputError(f"there are {len(observation.transmitters)} transmitters; 1 to {MAX_TRANSMITTERS} are taken")
    transmitters = []
    for index, antenna in enumerate(observation.transmitters):
        try:
            transmitter = Transmitter(
                antenna.col,
                antenna.row,
                antenna.height_m if antenna.HasField("height_m") else 10.0,
                antenna.power_dbm if antenna.HasField("power_dbm") else DEFAULT_POWER_DBM,
                antenna.frequency_hz or 5.9e9,
            )
        except InputError as error:
            raise InputError(f"transmitter {index}: {error}") from None
        transmitter.check_inside(grid, index)
        transmitters.append(transmitter)
    return tuple(transmitters)


def read_samples(samples: pb.SampleSet, transmitters: int, grid: Grid) -> Samples:
    """The samples as arrays.

    raises  InputError when there is none or are too many, the lists differ in length, or one names no transmitter, lies
            outside the grid or is not a finite power
    """
    lengths = {name: len(getattr(samples, name)) for name in ("transmitter", "col", "row", "power_dbm")}
    if len(set(lengths.values())) > 1:
        raise InputError(
            f"samples hold {', '.join(f'{count} {name}' for name, count in lengths.items())}; "
            "the lists must be equally long"
        )
    if not lengths["power_dbm"]:
        raise InputError(
            "there are 0 samples; at least 1 is needed, and about 20 near each transmitter make a good fit"
        )
    if lengths["power_dbm"] > MAX_SAMPLES:
        raise InputError(f"there are {lengths['power_dbm']} samples; at most {MAX_SAMPLES} are taken")
    read = Samples(
        np.array(samples.transmitter, np.int64),
        np.array(samples.col, np.int64),
        np.array(samples.row, np.int64),
        np.array(samples.power_dbm, np.float64),
    )
    unknown = read.transmitter >= transmitters
    if unknown.any():
        i = int(np.argmax(unknown))
        raise InputError(
            f"sample {i} is of transmitter {read.transmitter[i]}; there are {transmitters}, counted from 0"
        )
    check_samples(read, grid)
    low, high = POWER_RANGE_DBM
    absurd = (read.power_dbm < low) | (read.power_dbm > high)
    if absurd.any():
        i = int(np.argmax(absurd))
        raise InputError(f"sample {i} has power_dbm {read.power_dbm[i]:g}; it must lie in {low:g}..{high:g} dBm")
    return read


def read_floor_dbm(samples: pb.SampleSet, default: float | None) -> float | None:
    """The weakest power that the samples' meter could tell, the default where it is not said. Raises InputError."""
    low, high = POWER_RANGE_DBM
    if not samples.HasField("floor_dbm"):
        return default
    if not low <= samples.floor_dbm <= high:
        raise InputError(f"samples floor_dbm is {samples.floor_dbm:g}; it must lie in {low:g}..{high:g} dBm")
    return float(samples.floor_dbm)


def _image_warnings(image: NDArray[np.uint8], grid: Grid) -> Iterator[str]:
    height, width = image.shape[:2]
    stretch = (width / height) / (grid.cols / grid.rows)
    if abs(np.log(stretch)) > np.log1p(ASPECT_TOLERANCE):
        yield (
            f"the image is {width} x {height} pixels for a block of {grid.cols} x {grid.rows} cells; "
            "it was stretched to fill it"
        )
    pixel_m = max(grid.rows / height, grid.cols / width) * grid.cell_size_m
    if pixel_m > COARSEST_M:
        yield f"the image has pixels of {pixel_m:.1f} m; buildings are found at {IMAGE_CELL_M:g} m: expect a poor mask"


def _floor_warnings(samples: Samples, floor_dbm: float | None) -> Iterator[str]:
    lowest_dbm = samples.power_dbm.min()
    alike = int(np.count_nonzero(samples.power_dbm == lowest_dbm))
    if floor_dbm is None and alike >= max(FEWEST_ALIKE, 0.05 * len(samples)):
        yield (
            f"{alike} samples share the lowest power, {lowest_dbm:g} dBm, and were taken for readings; "
            "if nothing was heard there, name it as the floor_dbm of the samples, under another observation_id"
        )
