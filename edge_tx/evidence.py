"""Samples -> where no building can be, whatever the image seems to show.

A reading was taken outdoors, so the ground about it is likely free. One as strong as in sight says more: nothing stands
between it and its transmitter.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from radiosem.depth import distance_m
from radiosem.types import SPEED_OF_LIGHT_M_S, Grid, Samples, Transmitter

# What a sight line and a reading's own place take off the logarithm of the odds of a building, and how far about them
# (standard deviation): chosen on rendered blocks of the validation city by the error of the map.
LINE_LOG_ODDS, LINE_M = 3.0, 1.0
PLACE_LOG_ODDS, PLACE_M = 1.0, 3.0
MOST_PLACES = 1.5  # readings on one spot that still count

# On traced cities 95 to 97 % of the readings less than 1 dB below free space are in sight, and 98 % of all in sight are
# such.
IN_SIGHT_DB = 1.0
NEAREST_M = 10.0  # closer by, reflections and the antenna's height blur the difference
# Reflections add up to 7 dB to a twentieth of the readings: more means that power_dbm is not the power radiated.
ABSURD_DB, ABSURD_SHARE = 9.0, 0.1


def outdoor_evidence(
    samples: Samples, transmitters: tuple[Transmitter, ...], grid: Grid
) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """What the readings say against buildings, cell by cell.

    samples       of all transmitters, inside the grid; one taken indoors does little harm to a roof that is sure
    transmitters  whose power_dbm is what an isotropic antenna would have to radiate
    returns       float32 [H, W], by how much the logarithm of the odds of a building falls; and a warning for each
                  transmitter whose readings are too strong to be believed, and draw no sight lines
    """
    lines, places = np.zeros((2, *grid.shape), np.float32)
    warnings = []
    for index, transmitter in enumerate(transmitters):
        mine = samples.transmitter == index
        cols, rows = samples.col[mine], samples.row[mine]
        places[rows, cols] = 1
        distance = distance_m(grid, transmitter)[rows, cols]
        wavelength_m = SPEED_OF_LIGHT_M_S / transmitter.frequency_hz
        free_space_dbm = transmitter.power_dbm + 20 * np.log10(wavelength_m / (4 * np.pi * distance))
        short_db = free_space_dbm - samples.power_dbm[mine]
        if len(short_db) and np.mean(short_db < -ABSURD_DB) > ABSURD_SHARE:
            warnings.append(
                f"samples of transmitter {index} are up to {-short_db.min():.0f} dB stronger than free space allows "
                f"for its power_dbm of {transmitter.power_dbm:g}; their sight lines were not used to correct the mask"
            )
            continue
        seen = (short_db < IN_SIGHT_DB) & (distance > NEAREST_M)
        _draw(lines, transmitter, rows[seen], cols[seen])
    line_kernel, place_kernel = _kernel(LINE_M, grid), _kernel(PLACE_M, grid)
    # Scaled so that a straight line, and a single place, keep their 1.
    by_line = _spread(lines, line_kernel) / line_kernel.max()
    by_place = _spread(places, place_kernel) / place_kernel.max() ** 2
    evidence = LINE_LOG_ODDS * np.minimum(by_line, 1) + PLACE_LOG_ODDS * np.minimum(by_place, MOST_PLACES)
    return np.asarray(evidence, np.float32), tuple(warnings)


def _kernel(sigma_m: float, grid: Grid) -> NDArray[np.float32]:
    sigma = sigma_m / grid.cell_size_m
    return np.asarray(cv2.getGaussianKernel(2 * round(4 * sigma) + 1, sigma, cv2.CV_32F), np.float32)


def _spread(field: NDArray[np.float32], kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(cv2.sepFilter2D(field, -1, kernel, kernel, borderType=cv2.BORDER_CONSTANT), np.float32)


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
