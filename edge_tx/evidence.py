"""Samples -> where no building can be, whatever the image seems to show.

A reading was taken outdoors, so the ground about it is likely free. One as strong as in sight says more: nothing stands
between it and its transmitter.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from radiosem.physics.depth import distance_m, free_space_gain
from radiosem.types import RECEIVER_HEIGHT_M, Grid, Samples, Transmitter

# What a sight line and a reading's own place take off the logarithm of the odds of a building, and how far about them
# (standard deviation): chosen on rendered blocks of the validation city by the error of the map.
LINE_LOG_ODDS, LINE_M = 3.0, 1.0
PLACE_LOG_ODDS, PLACE_M = 1.0, 3.0

# On traced cities 95 to 97 % of the readings less than 1 dB below free space are in sight, and 98 % of all in sight are
# such.
IN_SIGHT_DB = 1.0
NEAREST_M = 10.0  # closer by, reflections and the antenna's height blur the difference
# Reflections add up to 7 dB to a twentieth of the readings: more means that power_dbm is not the power radiated.
ABSURD_DB, ABSURD_SHARE = 9.0, 0.1
ROOF_M = 20.0  # where a sight line is higher, it may pass over a roof
LINES_AT_ONCE = 1024


def outdoor_evidence(
    samples: Samples, transmitters: tuple[Transmitter, ...], grid: Grid, floor_dbm: float | None = None
) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """What the readings say against buildings, cell by cell.

    samples       of all transmitters, inside the grid; one taken indoors does little harm to a roof that is sure
    transmitters  whose power_dbm is what an isotropic antenna would have to radiate
    floor_dbm     readings at or below say only that there was nothing to hear; None believes all
    returns       float32 [H, W], by how much the logarithm of the odds of a building falls; and a warning for each
                  transmitter whose readings are too strong to be believed, and draw no sight lines
    """
    lines, places = np.zeros(grid.shape, np.bool_), samples.cells(grid.shape)
    heard = np.ones(len(samples.power_dbm), np.bool_) if floor_dbm is None else samples.power_dbm > floor_dbm
    warnings = []
    for index, transmitter in enumerate(transmitters):
        mine = heard & (samples.transmitter == index)
        cols, rows = samples.col[mine], samples.row[mine]
        distance = distance_m(grid, transmitter)[rows, cols]
        free_space_dbm = transmitter.power_dbm + 10 * np.log10(free_space_gain(distance, transmitter.frequency_hz))
        short_db = free_space_dbm - samples.power_dbm[mine]
        absurd = short_db < -ABSURD_DB
        if absurd.any() and absurd.mean() > ABSURD_SHARE:
            warnings.append(
                f"samples of transmitter {index} are up to {-short_db.min():.0f} dB stronger than free space allows "
                f"for its power_dbm of {transmitter.power_dbm:g}; their sight lines were not used to correct the mask"
            )
            continue
        seen = ~absurd & (short_db < IN_SIGHT_DB) & (distance > NEAREST_M)
        _draw(lines, transmitter, rows[seen], cols[seen])
    by_line = LINE_LOG_ODDS * min(1.0, math.sqrt(2 * math.pi) * LINE_M / grid.cell_size_m)
    by_place = PLACE_LOG_ODDS * min(1.0, 2 * math.pi * (PLACE_M / grid.cell_size_m) ** 2)
    evidence = by_line * _about(lines, LINE_M, grid) + by_place * _about(places, PLACE_M, grid)
    return np.asarray(evidence, np.float32), tuple(warnings)


def _about(cells: NDArray[np.bool_], sigma_m: float, grid: Grid) -> NDArray[np.float32]:
    """1 on the cells, falling with the distance to the nearest by a Gaussian, to 0 at four standard deviations."""
    if not cells.any():
        return np.zeros(cells.shape, np.float32)
    cells_away = cv2.distanceTransform((~cells).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    away = np.minimum(cells_away * np.float32(grid.cell_size_m / sigma_m), 4)
    return np.asarray(cv2.exp(-0.5 * away**2) * (away < 4), np.float32)


def _draw(lines: NDArray[np.bool_], transmitter: Transmitter, rows: NDArray[np.int64], cols: NDArray[np.int64]) -> None:
    """Mark the cells on the way to readings, where it is lower than a roof; in one direction the farthest will do."""
    down, right = rows - transmitter.row, cols - transmitter.col
    around = math.ceil(4 * math.pi * math.hypot(*lines.shape))  # half a cell at the far end
    bearing = np.floor((np.arctan2(down, right) / (2 * np.pi) + 0.5) * (around - 1)).astype(np.intp)
    farthest = np.full(around, -1)
    nearest_first = np.argsort(np.hypot(down, right))
    farthest[bearing[nearest_first]] = nearest_first  # the last to be written stays
    kept = farthest[farthest >= 0]
    rise_m = max(transmitter.height_m - RECEIVER_HEIGHT_M, 1e-9)
    low = 1 - min(1.0, (ROOF_M - RECEIVER_HEIGHT_M) / rise_m)  # share of the way after which the ray is below the roofs
    steps = np.linspace(low, 1, max(lines.shape), dtype=np.float32)[:, None]
    for first in range(0, len(kept), LINES_AT_ONCE):
        part = kept[first : first + LINES_AT_ONCE]
        along_rows = np.rint(transmitter.row + steps * down[part].astype(np.float32)).astype(np.int32)
        along_cols = np.rint(transmitter.col + steps * right[part].astype(np.float32)).astype(np.int32)
        lines[along_rows, along_cols] = True
