"""Samples -> ground that no building stands on: what lies between a transmitter and a reading as strong as in sight."""

import cv2
import numpy as np
from numpy.typing import NDArray

from radiosem.depth import distance_m
from radiosem.types import SPEED_OF_LIGHT_M_S, Grid, Samples, Transmitter

# On traced cities 95 to 97 % of the readings less than 1 dB below free space are in sight, and 98 % of all in sight
# are such.
IN_SIGHT_DB = 1.0
NEAREST_M = 10.0  # closer by, reflections and the antenna's height blur the difference
WIDTH_M = 1.0  # standard deviation about the sight line
# Reflections add up to 7 dB to a twentieth of the readings: more means that power_dbm is not the power radiated.
ABSURD_DB, ABSURD_SHARE = 9.0, 0.1


def clear_ground(
    samples: Samples, transmitters: tuple[Transmitter, ...], grid: Grid
) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """How surely each cell is free of buildings, told by the sight lines of strong readings.

    samples       of all transmitters, inside the grid
    transmitters  whose power_dbm is what an isotropic antenna would have to radiate
    returns       float32 [H, W], 1 on a sight line, falling to 0 within a few metres; and a warning for each
                  transmitter whose readings are too strong to be believed, and were left out
    """
    lines = np.zeros(grid.shape, np.float32)
    warnings = []
    for index, transmitter in enumerate(transmitters):
        mine = samples.transmitter == index
        cols, rows = samples.col[mine], samples.row[mine]
        distance = distance_m(grid, transmitter)[rows, cols]
        wavelength_m = SPEED_OF_LIGHT_M_S / transmitter.frequency_hz
        free_space_dbm = transmitter.power_dbm + 20 * np.log10(wavelength_m / (4 * np.pi * distance))
        short_db = free_space_dbm - samples.power_dbm[mine]
        if len(short_db) and np.mean(short_db < -ABSURD_DB) > ABSURD_SHARE:
            warnings.append(
                f"samples of transmitter {index} are up to {-short_db.min():.0f} dB stronger than free space allows "
                f"for its power_dbm of {transmitter.power_dbm:g}; they were not used to correct the mask"
            )
            continue
        seen = (short_db < IN_SIGHT_DB) & (distance > NEAREST_M)
        _draw(lines, transmitter, rows[seen], cols[seen])
    sigma = WIDTH_M / grid.cell_size_m
    reach = 2 * round(4 * sigma) + 1
    kernel = cv2.getGaussianKernel(reach, sigma, cv2.CV_32F)
    spread = cv2.sepFilter2D(lines, -1, kernel, kernel) / kernel.max()  # a single straight line keeps its 1
    return np.asarray(np.minimum(spread, 1), np.float32), tuple(warnings)


def _draw(
    lines: NDArray[np.float32], transmitter: Transmitter, rows: NDArray[np.int64], cols: NDArray[np.int64]
) -> None:
    """Set the cells between a transmitter and some others to 1; of those in one direction the farthest will do."""
    down, right = rows - transmitter.row, cols - transmitter.col
    around = 4 * max(lines.shape)  # directions that a border's cells can tell apart
    bearing = np.floor((np.arctan2(down, right) / (2 * np.pi) + 0.5) * (around - 1)).astype(np.intp)
    farthest = np.full(around, -1)
    nearest_first = np.argsort(np.hypot(down, right))
    farthest[bearing[nearest_first]] = nearest_first  # the last to be written stays
    kept = farthest[farthest >= 0]
    steps = np.linspace(0, 1, max(lines.shape), dtype=np.float32)[:, None]
    along_rows = np.rint(transmitter.row + steps * down[kept].astype(np.float32)).astype(np.int32)
    along_cols = np.rint(transmitter.col + steps * right[kept].astype(np.float32)).astype(np.int32)
    lines[along_rows, along_cols] = 1
