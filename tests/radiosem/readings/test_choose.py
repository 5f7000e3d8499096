"""Which samples go along: those that mend the receiver's map most, or, where it is not known, those far apart."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from radiosem.errors import InputError
from radiosem.physics.depth import distance_m, free_share, free_space_gain
from radiosem.readings.choose import CANDIDATES, choose_readings
from radiosem.readings.mend import NUGGET, covariance, mended, misfit
from radiosem.readings.section import MAX_READINGS, STEP_DB
from radiosem.rebuild import Rebuilt
from radiosem.types import Grid, Samples, Transmitter

GRID = Grid(96, 130, 1.0)
TX, OTHER = Transmitter(20, 40), Transmitter(100, 60, power_dbm=30.0)


def samples(count: int, seed: int = 0, transmitters: int = 1) -> Samples:
    rng = np.random.default_rng(seed)
    col, row = rng.integers(0, GRID.cols, count), rng.integers(0, GRID.rows, count)
    return Samples(rng.integers(0, transmitters, count), col, row, rng.uniform(-125, -40, count))


def _world() -> tuple[Rebuilt, NDArray[np.float32]]:
    """A rebuilt map, and the truth: 25 dB less in one corner of the shadow."""
    buildings = np.zeros(GRID.shape, np.bool_)
    buildings[30:50, 60:70] = True
    sight = (free_share(buildings, TX) >= 1).astype(np.float32)
    gain_db = np.float32(10 * np.log10(free_space_gain(distance_m(GRID, TX), TX.frequency_hz)) - 20 * (1 - sight))
    truth = gain_db.copy()
    truth[60:, 90:] -= 25
    return Rebuilt(gain_db, buildings, sight), truth


def _read(truth: NDArray[np.float32], count: int, seed: int = 0) -> Samples:
    row, col = np.random.default_rng(seed).integers(0, GRID.shape, (count, 2)).T
    return Samples(np.zeros(count, np.int64), col, row, truth[row, col].astype(float) + TX.power_dbm)


def test_an_edge_that_rehearsed_mends_more_with_as_many_readings() -> None:
    rebuilt, truth = _world()
    left = []
    for rehearsed in ([rebuilt], None):
        chosen = choose_readings(_read(truth, 250), (TX,), GRID, 12, rehearsed=rehearsed)
        assert chosen is not None
        assert len(chosen) <= 12
        left.append(float(((mended(rebuilt, chosen, GRID) - truth) ** 2).mean()))
    assert left[0] < 0.8 * left[1]


def test_a_map_that_needs_no_mending_gets_no_reading() -> None:
    rebuilt, _ = _world()
    steps = replace(rebuilt, gain_db=np.full(GRID.shape, -92, np.float32))
    assert choose_readings(_read(steps.gain_db, 200), (TX,), GRID, 50, rehearsed=[steps]) is None


def test_readings_where_the_map_has_a_building_stay_behind() -> None:
    rebuilt, truth = _world()
    chosen = choose_readings(_read(truth - 30, 250), (TX,), GRID, 200, rehearsed=[rebuilt])
    assert chosen is not None
    inside = (chosen.row >= 8) & (chosen.row < 12) & (chosen.col >= 15) & (chosen.col < 17)
    assert not inside.any()


def test_each_is_the_one_that_leaves_the_least_error_by_kriging() -> None:
    rebuilt, truth = _world()
    open_ground = replace(rebuilt, buildings=None)  # every coarse cell counts alike
    read = _read(truth, 60)
    everything = choose_readings(read, (TX,), GRID, MAX_READINGS)
    assert everything is not None
    found = misfit(open_ground, everything, GRID)
    between = covariance(everything, found.deviation, GRID)
    cells = np.argwhere(np.ones((24, 33), np.bool_))
    places = np.stack([everything.row, everything.col], 1)
    apart = np.hypot(*(cells[:, None] - places).transpose(2, 0, 1))
    ground = np.bincount(apart.argmin(1), minlength=len(places))

    def left(taken: list[int]) -> float:
        explained = between[np.ix_(taken, taken)] + NUGGET * np.eye(len(taken))
        told = between[:, taken] @ np.linalg.solve(explained, found.error_db[taken])
        return float((ground * (found.error_db - told) ** 2).sum())

    best: list[int] = []
    for _ in range(4):
        best.append(min((i for i in range(len(places)) if i not in best), key=lambda i: left([*best, i])))
    chosen = choose_readings(read, (TX,), GRID, 4, rehearsed=[open_ground])
    assert chosen is not None
    taken = [int(np.flatnonzero((places == place).all(1))[0]) for place in zip(chosen.row, chosen.col, strict=True)]
    assert left(taken) <= 1.02 * left(best)  # where two cells are as near, the ground may go to either


def test_of_more_samples_than_can_be_weighed_some_are_chosen_all_over_the_block() -> None:
    rebuilt, truth = _world()
    read = _read(truth - np.float32(9), 3000)
    cells = len(np.unique(read.row // 4 * 33 + read.col // 4))
    assert cells > CANDIDATES
    chosen = choose_readings(read, (TX,), GRID, 40, rehearsed=[rebuilt])
    assert chosen is not None
    assert len(chosen) == 40
    assert {int(part) for part in chosen.row // 8} == {0, 1, 2}


def test_samples_of_a_coarse_cell_become_their_mean_on_the_steps_of_the_frame() -> None:
    read = Samples(np.zeros(3, np.int64), np.array([8, 11, 12]), np.array([4, 7, 4]), np.array([-60.0, -66.0, -90.0]))
    chosen = choose_readings(read, (TX,), GRID, 10)
    assert chosen is not None
    assert list(zip(chosen.row, chosen.col, strict=True)) == [(1, 2), (1, 3)]
    assert abs(chosen.gain_db - (np.array([-63.0, -90.0]) - 23)).max() <= STEP_DB / 2


def test_what_was_not_heard_says_at_most_the_floor() -> None:
    read = Samples(
        np.zeros(3, np.int64), np.array([8, 9, 30]), np.array([4, 4, 40]), np.array([-120.0, -100.0, -120.0])
    )
    chosen = choose_readings(read, (TX,), GRID, 10, floor_dbm=-120.0)
    assert chosen is not None
    assert chosen.heard.tolist() == [True, False]  # in the first cell one is heard, and that counts
    assert chosen.gain_db[0] == pytest.approx(-123, abs=STEP_DB / 2)
    assert chosen.gain_db[1] == pytest.approx(-143, abs=STEP_DB / 2)
    believed = choose_readings(read, (TX,), GRID, 10)
    assert believed is not None
    assert believed.heard.all()


def test_just_above_the_floor_readings_are_no_stronger_than_read() -> None:
    rng = np.random.default_rng(0)
    power_dbm = 23 + rng.uniform(-149.9, -140, 300)
    row, col = rng.permutation(24 * 32)[:300] // 32 * 4, rng.permutation(24 * 32)[:300] % 32 * 4
    read = Samples(np.zeros(300, np.int64), col, row, power_dbm)
    chosen = choose_readings(read, (TX,), GRID, 300, floor_dbm=-127.0)
    assert chosen is not None
    assert chosen.heard.all()
    by_cell = {(r // 4, c // 4): p - 23 for r, c, p in zip(row.tolist(), col.tolist(), power_dbm, strict=True)}
    alone = [
        (gain_db, by_cell[r, c])
        for r, c, gain_db in zip(chosen.row.tolist(), chosen.col.tolist(), chosen.gain_db, strict=True)
        if sum(1 for a, b in zip(row // 4, col // 4, strict=True) if (a, b) == (r, c)) == 1
    ]
    wrong_db = np.array([gain_db - read_db for gain_db, read_db in alone])
    assert abs(wrong_db).max() <= STEP_DB / 2
    assert abs(wrong_db.mean()) < 0.4


def test_the_chosen_lie_farther_apart_than_any_few() -> None:
    read = samples(400)
    chosen = choose_readings(read, (TX,), GRID, 24)
    assert chosen is not None

    def nearest(row: NDArray[np.int64], col: NDArray[np.int64]) -> float:
        apart = np.hypot(row[:, None] - row, col[:, None] - col) + 1e9 * np.eye(len(row))
        return float(apart.min())

    rng = np.random.default_rng(0)
    by_chance = [nearest(read.row[i] // 4, read.col[i] // 4) for i in (rng.permutation(400)[:24] for _ in range(20))]
    assert nearest(chosen.row, chosen.col) > max(by_chance)


def test_readings_in_sight_are_left_for_those_in_shadow() -> None:
    rng = np.random.default_rng(0)
    row, col = rng.integers(0, 96, 300), rng.integers(0, 130, 300)
    free_dbm = 23 + 10 * np.log10(free_space_gain(distance_m(GRID, TX)[row, col], TX.frequency_hz))
    shadow = col > 65
    read = Samples(np.zeros(300, np.int64), col, row, free_dbm - np.where(shadow, 30.0, 0.0))
    chosen = choose_readings(read, (TX,), GRID, 40)
    assert chosen is not None
    assert (chosen.col > 65 // 4).mean() >= 0.7  # it is half of the ground


def test_transmitters_share_and_leave_to_others_what_they_lack() -> None:
    one, many = samples(3), samples(300, 1)
    both = Samples(*(np.concatenate([a, b]) for a, b in zip(vars(one).values(), vars(many).values(), strict=True)))
    both = replace(both, transmitter=np.repeat([0, 1], [3, 300]))
    chosen = choose_readings(both, (TX, OTHER), GRID, 50)
    assert chosen is not None
    assert [(chosen.transmitter == index).sum() for index in (0, 1)] == [3, 47]


@pytest.mark.parametrize("most", [-1, MAX_READINGS + 1])
def test_more_than_a_frame_carries_is_refused(most: int) -> None:
    with pytest.raises(InputError, match=rf"readings is {most}; a frame carries 0\.\.{MAX_READINGS}"):
        choose_readings(samples(10), (TX,), GRID, most)
