"""A map mended by readings: nearer the truth in shadow, left alone in sight, never below its floor."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from radiosem.physics.depth import distance_m, free_share, free_space_gain
from radiosem.readings.choose import choose_readings
from radiosem.readings.mend import mended
from radiosem.readings.section import STEP_DB, middle
from radiosem.rebuild import Rebuilt
from radiosem.types import Grid, Readings, Samples, Transmitter

GRID, TX = Grid(96, 130, 1.0), Transmitter(20, 40)


def _world() -> tuple[NDArray[np.bool_], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Buildings, sight, a map, and the truth: 15 dB less in the shadow of the east."""
    buildings = np.zeros(GRID.shape, np.bool_)
    buildings[30:50, 60:70] = True
    sight = (free_share(buildings, TX) >= 1).astype(np.float32)
    rebuilt = 10 * np.log10(free_space_gain(distance_m(GRID, TX), TX.frequency_hz)) - 20 * (1 - sight)
    truth = rebuilt - 15 * (1 - sight)
    return buildings, sight, np.asarray(rebuilt, np.float32), np.asarray(truth, np.float32)


def _read(truth: NDArray[np.float32], buildings: NDArray[np.bool_], count: int) -> Readings:
    places = np.argwhere(~buildings)
    row, col = places[np.random.default_rng(0).permutation(len(places))[:count]].T
    chosen = choose_readings(
        Samples(np.zeros(count, np.int64), col, row, truth[row, col].astype(float) + 23), (TX,), GRID, count
    )
    assert chosen is not None
    return chosen


def test_readings_mend_a_shadow_and_leave_what_is_in_sight() -> None:
    buildings, sight, rebuilt, truth = _world()
    found = mended(Rebuilt(rebuilt, buildings, sight), _read(truth, buildings, 150), GRID)
    outdoors = ~buildings
    shadow, open_ground = outdoors & (sight == 0), outdoors & (sight == 1)
    assert found.dtype == np.float32
    assert np.sqrt(((found - truth)[shadow] ** 2).mean()) < 5  # of 15 dB
    assert np.abs(found - truth)[open_ground].mean() < 1.5


def test_a_map_that_agrees_with_its_readings_stays() -> None:
    buildings, sight, rebuilt, _ = _world()
    found = mended(Rebuilt(rebuilt, buildings, sight), _read(rebuilt, buildings, 100), GRID)
    assert np.abs(found - rebuilt).mean() < 0.1 * STEP_DB


def test_what_was_not_heard_asks_for_no_rise() -> None:
    buildings, _, rebuilt, _ = _world()
    row, col = np.array([5, 20]), np.array([28, 28])
    down, right = middle(GRID)
    there = rebuilt[down[row], right[col]]
    silent = Readings(np.zeros(2, np.int64), row, col, there + np.array([10.0, -20.0]), np.array([False, False]))
    found = mended(Rebuilt(rebuilt, buildings), silent, GRID)
    assert (found <= rebuilt + 1e-4).all()
    assert found[down[5], right[28]] == pytest.approx(there[0], abs=3)
    assert found[down[20], right[28]] < there[1] - 10


def test_nothing_falls_below_the_floor_and_readings_in_buildings_do_not_count() -> None:
    buildings, sight, rebuilt, _ = _world()
    inside = Readings(np.zeros(1, np.int64), np.array([9]), np.array([16]), np.array([-250.0]), np.array([True]))
    assert buildings[36:40, 64:68].all()
    assert np.array_equal(mended(Rebuilt(rebuilt, buildings, sight), inside, GRID), rebuilt)
    deep = replace(inside, row=np.array([2]), col=np.array([30]))
    found = mended(Rebuilt(rebuilt, buildings), deep, GRID)
    assert found.min() == pytest.approx(-150, abs=8)
    assert found.min() >= -150
    assert found[9, 121] < rebuilt[9, 121] - 20
