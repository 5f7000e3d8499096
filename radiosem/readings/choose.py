"""Power samples -> the readings worth sending: those from which the receiver mends most of its map."""

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from radiosem.errors import InputError
from radiosem.physics.depth import distance_m, free_space_gain
from radiosem.readings.mend import IN_SIGHT, NUGGET, block_means, covariance, misfit
from radiosem.readings.section import (
    LEVELS,
    LOWEST_DB,
    MAX_READINGS,
    STEP_DB,
    coarse,
    gain_of,
    joined,
    level_of,
    middle,
)
from radiosem.rebuild import Rebuilt
from radiosem.types import Grid, Readings, Samples, Transmitter

IN_SIGHT_DB = 3.0  # a reading so near free space is taken to be in sight where no map says so
CANDIDATES = 512  # among which to choose, taken evenly where there are more: their covariances are all held at once


def choose_readings(
    samples: Samples,
    transmitters: tuple[Transmitter, ...],
    grid: Grid,
    most: int,
    floor_dbm: float | None = None,
    rehearsed: Sequence[Rebuilt] | None = None,
) -> Readings | None:
    """The readings worth sending, at most `most`, shared alike by transmitters.

    One after the other is taken that which leaves the least squared error at all samples, once it and those before have
    mended the map (`radiosem.readings.mend`); each sample stands for the ground that lies nearest to it. An edge that
    has not rehearsed what the receiver will rebuild goes by the error it must expect: its readings lie far apart, in
    shadow.

    samples    of all transmitters, inside the grid; those of one coarse cell become their mean in dB
    most       0..1023; 0 sends none
    floor_dbm  samples at or below say only that there was nothing to hear; None believes all
    rehearsed  what the receiver will rebuild of each transmitter; None where the edge does not know
    returns    readings on the steps of a frame, by transmitter and then in reading order; None where there is none
    raises     InputError when `most` is out of range
    """
    if not 0 <= most <= MAX_READINGS:
        raise InputError(f"readings is {most}; a frame carries 0..{MAX_READINGS}")
    gathered = [_gathered(samples, index, t, grid, floor_dbm) for index, t in enumerate(transmitters)]
    shares = _shares([len(one) for one in gathered], most)
    chosen = []
    for index, (one, transmitter, share) in enumerate(zip(gathered, transmitters, shares, strict=True)):
        if 0 < share < len(one):
            one = _thinned(one, max(share, CANDIDATES))
            one = one.where(_telling(one, transmitter, grid, share, None if rehearsed is None else rehearsed[index]))
        chosen.append(one if share else one.where(np.empty(0, np.int64)))
    return joined(chosen) if any(len(one) for one in chosen) else None


def _gathered(samples: Samples, index: int, transmitter: Transmitter, grid: Grid, floor_dbm: float | None) -> Readings:
    """One transmitter's samples by coarse cell; in a cell where some are heard, those count."""
    mine = samples.transmitter == index
    pixels, _, cols = coarse(grid)
    cell = samples.row[mine] // pixels * cols + samples.col[mine] // pixels
    power_dbm = samples.power_dbm[mine]
    heard = np.ones(len(power_dbm), np.bool_) if floor_dbm is None else power_dbm > floor_dbm
    cells, place = np.unique(cell, return_inverse=True)
    any_heard = np.bincount(place, heard, len(cells)) > 0
    counts = heard | ~any_heard[place]
    mean_dbm = np.bincount(place, power_dbm * counts, len(cells)) / np.bincount(place, counts, len(cells))
    level = level_of(mean_dbm - transmitter.power_dbm)
    if floor_dbm is not None:
        floor_db = floor_dbm - transmitter.power_dbm
        floor = min(max(math.floor((floor_db - LOWEST_DB) / STEP_DB), 0), LEVELS - 2)
        level = np.where(any_heard, np.maximum(level, floor + 1), floor)
    where = np.full(len(cells), index), cells // cols, cells % cols
    return Readings(*where, gain_of(level), any_heard)


def _shares(available: Sequence[int], most: int) -> list[int]:
    """How many of each: alike, and what some do not have is for the others."""
    shares = [0] * len(available)
    for left, index in zip(range(len(available), 0, -1), np.argsort(available), strict=True):
        shares[index] = min(available[index], (most - sum(shares)) // left)
    return shares


def _thinned(readings: Readings, count: int) -> Readings:
    """So many of them, evenly in reading order."""
    if len(readings) <= count:
        return readings
    return readings.where(np.linspace(0, len(readings) - 1, count).astype(np.int64))


def _telling(
    readings: Readings, transmitter: Transmitter, grid: Grid, count: int, rebuilt: Rebuilt | None
) -> NDArray[np.int64]:
    """Indices of one transmitter's readings that tell most, in ascending order."""
    if rebuilt is None:
        known, error_db = np.arange(len(readings)), None
        deviation = np.where(_in_sight(readings, transmitter, grid), IN_SIGHT, 1.0)
    else:
        found = misfit(rebuilt, readings, grid)
        known, error_db, deviation = found.known, found.error_db, found.deviation
    there = readings.where(known)
    if len(there) <= count:
        return known
    ground = _ground(there, rebuilt, grid)
    return known[np.sort(_greedy(covariance(there, deviation, grid), error_db, ground, count))]


def _in_sight(readings: Readings, transmitter: Transmitter, grid: Grid) -> NDArray[np.bool_]:
    """Whether a reading is as strong as in free space."""
    middle_rows, middle_cols = middle(grid)
    distance = distance_m(grid, transmitter)[middle_rows[readings.row], middle_cols[readings.col]]
    short_db = 10 * np.log10(free_space_gain(distance, transmitter.frequency_hz)) - readings.gain_db
    return np.asarray(short_db < IN_SIGHT_DB)


def _ground(readings: Readings, rebuilt: Rebuilt | None, grid: Grid) -> NDArray[np.float64]:
    """How much outdoor ground, in coarse cells, lies nearer to each reading than to any other."""
    pixels, rows, cols = coarse(grid)
    share = np.ones((rows, cols), np.float32)
    if rebuilt is not None and rebuilt.buildings is not None:
        share = block_means((~rebuilt.buildings).astype(np.float32), pixels)
    elsewhere = np.ones((rows, cols), np.uint8)
    elsewhere[readings.row, readings.col] = 0
    _, label = cv2.distanceTransformWithLabels(elsewhere, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL)
    ground = np.bincount(label.ravel(), share.ravel())
    return np.asarray(ground[label[readings.row, readings.col]])


def _greedy(
    covariance: NDArray[np.float64], error_db: NDArray[np.float64] | None, ground: NDArray[np.float64], count: int
) -> NDArray[np.int64]:
    """Indices of readings, each that which takes most off the squared error left at all of them.

    covariance  [K, K] of the error, whose posterior is kept as readings are taken
    error_db    [K] of the map at the readings; None where only its covariance is known
    ground      [K] weight of each squared error
    returns     at most `count`: none that would do harm
    """
    left = covariance.astype(np.float32)
    weight = ground.astype(np.float32)
    error = None if error_db is None else error_db.astype(np.float32)
    part = np.empty_like(left)
    taken: list[int] = []
    for _ in range(count):
        variance = left.diagonal() + np.float32(NUGGET)
        gain = weight @ np.square(left, out=part) / variance  # of the variance left
        if error is not None:
            step = error / variance
            gain = step * (2 * ((weight * error) @ left) - step * variance * gain)
        gain[taken] = -np.inf
        best = int(gain.argmax())
        if not gain[best] > 0:
            break
        column = left[best] / variance[best]
        if error is not None:
            error = error - column * error[best]
        left -= np.multiply.outer(column, left[best], out=part)
        taken.append(best)
    return np.array(taken, np.int64)
