"""Readings that travel with the frame: chosen far apart, coded exactly, refused when nonsense, and worth their bits."""

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from radiosem.depth import distance_m, free_space_gain
from radiosem.errors import FrameError, InputError
from radiosem.readings import (
    LEVELS,
    LOWEST_DB,
    MAX_BYTES,
    MAX_READINGS,
    STEP_DB,
    choose_readings,
    coarse,
    decode_readings,
    encode_readings,
)
from radiosem.types import Grid, PathLoss, Readings, Samples, Transmitter

GRID = Grid(96, 130, 1.0)
TX, OTHER = Transmitter(20, 40), Transmitter(100, 60, power_dbm=30.0)
LAW = PathLoss(47.0, 32.0)


def samples(count: int, seed: int = 0, transmitters: int = 1) -> Samples:
    rng = np.random.default_rng(seed)
    col, row = rng.integers(0, GRID.cols, count), rng.integers(0, GRID.rows, count)
    return Samples(rng.integers(0, transmitters, count), col, row, rng.uniform(-125, -40, count))


def coded(readings: Readings, *transmitters: Transmitter, grid: Grid = GRID) -> Readings:
    antennas = transmitters or (TX,)
    laws = (LAW,) * len(antennas)
    return decode_readings(encode_readings(readings, antennas, laws, grid), antennas, laws, grid)


def same(a: Readings, b: Readings) -> bool:
    return all(np.array_equal(getattr(a, n), getattr(b, n)) for n in ("transmitter", "row", "col", "gain_db", "heard"))


@given(st.integers(1, 400), st.integers(0, 200), st.integers(0, 99), st.none() | st.floats(-130, -40))
@settings(max_examples=40, deadline=None)
def test_what_is_chosen_comes_back_exactly(count: int, most: int, seed: int, floor_dbm: float | None) -> None:
    antennas = (TX, OTHER)
    chosen = choose_readings(samples(count, seed, 2), antennas, GRID, most, floor_dbm)
    if chosen is None:
        assert most == 0
        return
    assert len(chosen) <= min(count, most)
    assert same(coded(chosen, *antennas), chosen)


@pytest.mark.parametrize("grid", [Grid(33, 47, 0.1), Grid(40, 32, 25.5), Grid(1024, 1024, 1.0)])
def test_any_grid_is_carried(grid: Grid) -> None:
    rng = np.random.default_rng(1)
    col, row = rng.integers(0, grid.cols, 2000), rng.integers(0, grid.rows, 2000)
    read = Samples(np.zeros(2000, np.int64), col, row, rng.uniform(-130, 0, 2000))
    chosen = choose_readings(read, (Transmitter(3, 4),), grid, MAX_READINGS)
    assert chosen is not None
    assert same(coded(chosen, Transmitter(3, 4), grid=grid), chosen)
    section = encode_readings(chosen, (Transmitter(3, 4),), (LAW,), grid)
    assert len(section) < MAX_BYTES / 2


def test_a_hundred_readings_on_a_block_take_at_most_twelve_bits_each() -> None:
    grid, rng = Grid(), np.random.default_rng(2)
    col, row = rng.integers(0, 256, (2, 300))
    law_dbm = 23 - 47 - 32 * np.log10(distance_m(grid, TX)[row, col])
    read = Samples(np.zeros(300, np.int64), col, row, law_dbm + rng.normal(0, 10, 300))
    chosen = choose_readings(read, (TX,), grid, 100)
    assert chosen is not None
    assert 8 * len(encode_readings(chosen, (TX,), (LAW,), grid)) < 1200


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


def test_a_meter_that_is_deaf_to_all_is_carried_too() -> None:
    read = Samples(np.zeros(2, np.int64), np.array([8, 40]), np.array([4, 4]), np.array([20.0, 30.0]))
    chosen = choose_readings(read, (replace(TX, power_dbm=20.0),), GRID, 9, floor_dbm=20.0)
    assert chosen is not None
    assert chosen.heard.tolist() == [False, True]
    assert same(coded(chosen, replace(TX, power_dbm=20.0)), chosen)


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


def test_readings_that_no_choice_makes_are_refused() -> None:
    chosen = choose_readings(samples(50), (TX,), GRID, 20)
    assert chosen is not None
    for broken, says in (
        (chosen.where(np.arange(len(chosen))[::-1]), "not in reading order"),
        (replace(chosen, row=chosen.row + 30), "outside the 24 x 33 coarse cells"),
        (chosen.where(np.zeros(MAX_READINGS + 1, np.int64)), f"carries up to {MAX_READINGS}"),
        (replace(chosen, transmitter=chosen.transmitter + 1), "not one of the 1 sent"),
        (replace(chosen, heard=chosen.gain_db < chosen.gain_db.max()), "no stronger than one not heard"),
    ):
        with pytest.raises(InputError, match=says):
            encode_readings(broken, (TX,), (LAW,), GRID)


@given(st.binary(max_size=120))
@settings(max_examples=200, deadline=None)
def test_nonsense_is_a_frame_error_or_readings_inside_the_grid(data: bytes) -> None:
    try:
        found = decode_readings(data, (TX, OTHER), (LAW, LAW), GRID)
    except FrameError:
        return
    _, rows, cols = coarse(GRID)
    assert ((found.row >= 0) & (found.row < rows) & (found.col >= 0) & (found.col < cols)).all()
    assert len(found) <= MAX_READINGS


@pytest.mark.parametrize("data", [b"\xff" * MAX_BYTES, b"\x00" + b"\xff" * (MAX_BYTES - 1), b"\xaa" * MAX_BYTES])
def test_the_longest_nonsense_is_refused_at_once(data: bytes) -> None:
    began = time.monotonic()
    with pytest.raises(FrameError):
        decode_readings(data, (TX,) * 16, (LAW,) * 16, Grid(1024, 1024))
    assert time.monotonic() - began < 5  # a hang, not a slow machine
    with pytest.raises(FrameError, match=f"{MAX_BYTES} is the most"):
        decode_readings(data + b"\x00", (TX,), (LAW,), GRID)


def test_levels_cover_what_is_received() -> None:
    extreme = samples(60)
    wild = replace(extreme, power_dbm=np.resize([-250.0, 100.0], 60))
    chosen = choose_readings(wild, (TX,), GRID, 60)
    assert chosen is not None
    assert same(coded(chosen), chosen)
    assert [chosen.gain_db.min(), chosen.gain_db.max()] == [LOWEST_DB, LOWEST_DB + STEP_DB * (LEVELS - 1)]
