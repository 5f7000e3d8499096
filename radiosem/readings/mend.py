"""A rebuilt map and readings of it -> the map mended.

What a map rebuilt from its causes gets wrong (heights, materials, a building that the image hid) is wrong alike over
tens of metres. So a few dozen coarse readings, some twelve bits each, mend more of it than any bit of the mask could.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from radiosem.readings.section import coarse
from radiosem.rebuild import Rebuilt
from radiosem.scale import RAYTRACED
from radiosem.types import Grid, Readings

# The map's error: correlation length; standard deviation in sight as a share of that in shadow; and the variance of a
# reading that none of it explains, as a share of the variance in shadow. Chosen on 48 rendered observations of the
# validation city, where 24 to 48 m and a last share of 0.1 to 0.4 stay within 3 % of the least error, and the share in
# sight moves the error in sight alone.
RANGE_M, IN_SIGHT, NUGGET = 32.0, 0.3, 0.2
REACH = 6  # ranges beyond which a reading tells nothing


@dataclass(frozen=True)
class Misfit:
    """What readings find wrong with a rebuilt map.

    known      int64 [K] indices of the readings that lie outdoors
    error_db   float64 [K] by how much the map is too weak
    deviation  float64 [K] of the error, 1 in shadow
    """

    known: NDArray[np.int64]
    error_db: NDArray[np.float64]
    deviation: NDArray[np.float64]


def misfit(rebuilt: Rebuilt, readings: Readings, grid: Grid) -> Misfit:
    """Compare a map with readings, by its mean over the outdoor pixels of each reading's coarse cell.

    A reading that was not heard finds no error in a map that is no stronger there.
    """
    pixels, _, _ = coarse(grid)
    outdoors, deviation = _outdoors(rebuilt, grid), _deviation(rebuilt, grid)
    share = block_means(outdoors, pixels)
    known = np.flatnonzero(share[readings.row, readings.col] > 0)
    row, col = readings.row[known], readings.col[known]
    there_db, read = (
        (block_means(values * outdoors, pixels)[row, col] / share[row, col]).astype(np.float64)
        for values in (rebuilt.gain_db, deviation)
    )
    error_db = np.maximum(readings.gain_db[known], RAYTRACED.floor_db) - there_db
    return Misfit(known, np.where(readings.heard[known], error_db, np.minimum(error_db, 0)), read)


def covariance(readings: Readings, deviation: NDArray[np.float64], grid: Grid) -> NDArray[np.float64]:
    """Of the map's error at readings, float64 [K, K]: it falls exponentially with their distance."""
    down, right = (np.subtract.outer(place, place) for place in (readings.row, readings.col))
    return np.asarray(np.multiply.outer(deviation, deviation) * np.exp(-_ranges_a_cell(grid) * np.hypot(down, right)))


def mended(rebuilt: Rebuilt, readings: Readings, grid: Grid) -> NDArray[np.float32]:
    """A rebuilt map with what the readings say it got wrong, by simple Kriging of the error (Cressie, 1993, ch. 3).

    The covariance of the error falls exponentially with distance, to nothing at six ranges, and is small in sight.

    readings   of the transmitter whose map it is
    returns    float32 [H, W] path gain in dB, at least -150 dB
    """
    found = misfit(rebuilt, readings, grid)
    if not len(found.known):
        return rebuilt.gain_db
    there = readings.where(found.known)
    explained = covariance(there, found.deviation, grid) + NUGGET * np.eye(len(there))
    weight = (found.deviation * np.linalg.solve(explained, found.error_db)).astype(np.float32)
    pixels, rows, cols = coarse(grid)
    reach = math.ceil(REACH / _ranges_a_cell(grid))
    around = np.arange(-reach, reach + 1)
    bump = np.exp(-_ranges_a_cell(grid) * np.hypot(around[:, None], around)).astype(np.float32)
    field = np.zeros((rows + 2 * reach, cols + 2 * reach), np.float32)
    for down, right, height in zip(there.row, there.col, weight, strict=True):
        field[down : down + len(bump), right : right + len(bump)] += height * bump
    field = field[reach : reach + rows, reach : reach + cols]
    fine = cv2.resize(field, (cols * pixels, rows * pixels), interpolation=cv2.INTER_LINEAR)
    total = rebuilt.gain_db + _deviation(rebuilt, grid) * fine[: grid.rows, : grid.cols]
    return np.asarray(np.maximum(total, np.float32(RAYTRACED.floor_db)), np.float32)


def _ranges_a_cell(grid: Grid) -> float:
    return coarse(grid)[0] * grid.cell_size_m / RANGE_M


def _outdoors(rebuilt: Rebuilt, grid: Grid) -> NDArray[np.float32]:
    return np.ones(grid.shape, np.float32) if rebuilt.buildings is None else (~rebuilt.buildings).astype(np.float32)


def _deviation(rebuilt: Rebuilt, grid: Grid) -> NDArray[np.float32]:
    if rebuilt.sight is None:
        return np.ones(grid.shape, np.float32)
    return np.asarray(1 - np.float32(1 - IN_SIGHT) * rebuilt.sight, np.float32)


def block_means(values: NDArray[np.float32], pixels: int) -> NDArray[np.float32]:
    """Means over coarse cells; beyond the edges there is nothing, which counts as 0."""
    rows, cols = (-(-side // pixels) * pixels for side in values.shape)
    full = np.pad(values, ((0, rows - values.shape[0]), (0, cols - values.shape[1])))
    means: NDArray[np.float32] = full.reshape(rows // pixels, pixels, cols // pixels, pixels).mean((1, 3))
    return means
