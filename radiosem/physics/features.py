"""Buildings, cars, a transmitter and its path-loss law -> the input channels of every reconstruction network."""

import functools
import os
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
from numpy.typing import NDArray

from radiosem.physics.depth import clear_ends, distance_m, free_share, free_space_gain
from radiosem.physics.rays import diffracted_gain, reflected_gain
from radiosem.scale import RAYTRACED
from radiosem.types import BuildingMap, CarMap, Grid, PathLoss, Transmitter

CHANNELS = (
    "buildings",  # 1 inside
    "cars",  # 1 on cars
    "transmitter",  # 1 at its pixel (arXiv 2501.10654, sec. II-A)
    "depth map",  # the law's gain as grey, times the free share (eq. 3-4 on received power)
    "law",  # the law's gain as grey
    "free share",  # of the sight line (eq. 4)
    "sight",  # 1 where the sight line is free
    "free space",  # Friis gain as grey where the sight line is free, else 0
    "distance",  # log10 of the 3D distance in metres, over 3
    "clear near",  # metres from the transmitter to the first building on the line, over 256
    "clear far",  # metres from the last building on the line to the pixel, over 256
    "rays",  # gain as grey of free space, reflections and diffraction together
    "reflected once",  # gain as grey by one wall
    "reflected again",  # gain as grey by two walls or more
    "diffracted",  # gain as grey around one edge
)
_BY_LAW = ("depth map", "law")
_BY_LINES = ("depth map", "free share", "sight", "free space", "clear near", "clear far")
_BY_RAYS = ("rays", "reflected once", "reflected again", "diffracted")
_DECADES = 3  # of metres, where the distance channel is 1
_DB_A_NEPER = np.float32(10 / np.log(10))
_FLOOR = np.float32(10 ** (RAYTRACED.floor_db / 10))


def generator_features(
    buildings: BuildingMap,
    cars: CarMap | None,
    transmitter: Transmitter,
    law: PathLoss,
    grid: Grid,
    wanted: Collection[str] = CHANNELS,
) -> NDArray[np.float32]:
    """Stack the channels named in `CHANNELS`, grey in the `raytraced` scale (-150 to -47.86 dB).

    buildings, cars  bool [H, W], row 0 = north; cars None where there are none
    wanted           channels to compute; what only others need is left 0, and costs nothing
    returns          float32 [15, H, W]
    raises           InputError naming a transmitter outside the grid
    """
    out = scene_features(buildings, cars, transmitter, grid, wanted)
    if not set(wanted).isdisjoint(_BY_LAW):
        set_law(out, law)
    return out


def scene_features(
    buildings: BuildingMap,
    cars: CarMap | None,
    transmitter: Transmitter,
    grid: Grid,
    wanted: Collection[str] = CHANNELS,
) -> NDArray[np.float32]:
    """`generator_features` before a law is known: the law's channels are 0."""
    transmitter.check_inside(grid)
    by_rays = not set(wanted).isdisjoint(_BY_RAYS)
    by_lines = by_rays or not set(wanted).isdisjoint(_BY_LINES)
    # The long loops, free of the interpreter lock, are one core's work; the many short steps another's.
    if by_lines:
        share = _beside().submit(free_share, buildings, transmitter)
        ends = _beside().submit(clear_ends, buildings, transmitter)
    if by_rays:
        bent = _beside().submit(lambda: diffracted_gain(buildings, share.result() >= 1, transmitter, grid.cell_size_m))
        once, again = reflected_gain(buildings, transmitter, grid.cell_size_m)
    out = np.zeros((len(CHANNELS), *grid.shape), np.float32)
    channel = dict(zip(CHANNELS, out, strict=True))
    channel["buildings"][:] = buildings
    if cars is not None:
        channel["cars"][:] = cars
    channel["transmitter"][transmitter.row, transmitter.col] = 1
    distance = distance_m(grid, transmitter)
    np.multiply(cv2.log(distance), np.float32(1 / (_DECADES * np.log(10))), out=channel["distance"])
    if by_rays:
        _set_grey(channel["reflected once"], once)
        _set_grey(channel["reflected again"], again)
    if by_lines:
        channel["free share"][:] = share.result()
        np.greater_equal(share.result(), 1, out=channel["sight"])
        friis = channel["sight"] * free_space_gain(distance, transmitter.frequency_hz)
        _set_grey(channel["free space"], friis)
        for name, pixels in zip(("clear near", "clear far"), ends.result(), strict=True):
            np.multiply(pixels, np.float32(grid.cell_size_m / 256), out=channel[name])
    if by_rays:
        _set_grey(channel["diffracted"], bent.result())
        _set_grey(channel["rays"], friis + bent.result() + (once + again))
    return out


def set_law(features: NDArray[np.float32], law: PathLoss) -> None:
    """Fill in the channels that a law decides."""
    channel = dict(zip(CHANNELS, features, strict=True))
    gain_db = -law.pl0_db - law.slope_db * _DECADES * channel["distance"]
    RAYTRACED.grey(gain_db, out=channel["law"])
    np.multiply(channel["law"], channel["free share"], out=channel["depth map"])


@functools.cache
def _beside() -> ThreadPoolExecutor:
    """Threads to work beside; what is handed in first begins first, so that it may be waited for there."""
    return ThreadPoolExecutor(max((os.cpu_count() or 1) - 1, 1), "features")


os.register_at_fork(after_in_child=_beside.cache_clear)  # a fork has no threads but its own


def _set_grey(channel: NDArray[np.float32], gain: NDArray[np.float32]) -> None:
    """Linear gain as grey; at and below the floor it is 0."""
    np.maximum(gain, _FLOOR, out=channel)
    cv2.log(channel, channel)  # four times as fast as numpy's
    np.multiply(channel, _DB_A_NEPER, out=channel)
    RAYTRACED.grey(channel, out=channel)
