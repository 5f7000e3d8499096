"""A rebuilt map and readings of it -> the map mended.

What a map rebuilt from its causes gets wrong (heights, materials, a building that the image hid) is wrong alike over
tens of metres. So a hundred coarse readings, some twelve bits each, mend more of it than any bit of the mask could.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from radiosem.readings import coarse
from radiosem.types import BuildingMap, Grid, Readings

# The map's error: correlation length; standard deviation in sight as a share of that in shadow; and the variance of a
# reading that none of it explains, as a share of the variance in shadow. Chosen on 48 rendered observations of the
# validation city, where 24 to 48 m and a last share of 0.1 to 0.4 stay within 3 % of the least error, and the share in
# sight moves the error in sight alone.
RANGE_M, IN_SIGHT, NUGGET = 32.0, 0.3, 0.2
REACH = 6  # ranges beyond which a reading tells nothing


def mended(
    gain_db: NDArray[np.float32],
    buildings: BuildingMap | None,
    sight: NDArray[np.float32] | None,
    readings: Readings,
    grid: Grid,
    floor_db: float,
) -> NDArray[np.float32]:
    """A rebuilt map with what the readings say it got wrong, by simple Kriging of the error (Cressie, 1993, ch. 3).

    The covariance of the error falls exponentially with distance, to nothing at six ranges, and is small in sight. A
    map is compared with a reading by its mean over the outdoor pixels of the coarse cell. A reading that was not heard
    finds no error in a map that is no stronger there.

    gain_db    float32 [H, W] path gain of one transmitter, at least `floor_db`
    buildings  bool [H, W], whose pixels do not count; None where the mask was lost
    sight      float32 [H, W], 1 where the transmitter is in sight, else 0; None where the mask was lost
    readings   of that transmitter
    returns    float32 [H, W], at least `floor_db`
    """
    pixels, rows, cols = coarse(grid)
    outdoors = np.ones(grid.shape, np.float32) if buildings is None else (~buildings).astype(np.float32)
    share = _means(outdoors, pixels)
    known = share[readings.row, readings.col] > 0
    row, col = readings.row[known], readings.col[known]
    if not len(row):
        return gain_db
    there_db = _means(gain_db * outdoors, pixels)[row, col] / share[row, col]
    error_db = np.maximum(readings.gain_db[known], floor_db) - there_db
    error_db = np.where(readings.heard[known], error_db, np.minimum(error_db, 0))
    deviation = np.ones(grid.shape, np.float32) if sight is None else 1 - np.float32(1 - IN_SIGHT) * sight
    read = _means(deviation * outdoors, pixels)[row, col] / share[row, col]
    side = pixels * grid.cell_size_m / RANGE_M
    apart = np.hypot(row[:, None] - row, col[:, None] - col)
    covariance = read[:, None] * read * np.exp(-side * apart) + NUGGET * np.eye(len(row))
    weight = (read * np.linalg.solve(covariance, error_db)).astype(np.float32)
    reach = math.ceil(REACH / side)
    around = np.arange(-reach, reach + 1)
    bump = np.exp(-side * np.hypot(around[:, None], around)).astype(np.float32)
    field = np.zeros((rows + 2 * reach, cols + 2 * reach), np.float32)
    for down, right, height in zip(row, col, weight, strict=True):
        field[down : down + len(bump), right : right + len(bump)] += height * bump
    field = field[reach : reach + rows, reach : reach + cols]
    fine = cv2.resize(field, (cols * pixels, rows * pixels), interpolation=cv2.INTER_LINEAR)
    total = gain_db + deviation * fine[: grid.rows, : grid.cols]
    return np.asarray(np.maximum(total, np.float32(floor_db)), np.float32)


def _means(values: NDArray[np.float32], pixels: int) -> NDArray[np.float32]:
    """Means over coarse cells; beyond the edges there is nothing, which counts as 0."""
    rows, cols = (-(-side // pixels) * pixels for side in values.shape)
    full = np.pad(values, ((0, rows - values.shape[0]), (0, cols - values.shape[1])))
    means: NDArray[np.float32] = full.reshape(rows // pixels, pixels, cols // pixels, pixels).mean((1, 3))
    return means
