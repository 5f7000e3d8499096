"""Readings that travel with the frame: coded exactly, in few bits, and refused when nonsense."""

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radiosem.errors import FrameError, InputError
from radiosem.physics.depth import distance_m
from radiosem.readings.choose import choose_readings
from radiosem.readings.section import (
    LEVELS,
    LOWEST_DB,
    MAX_BYTES,
    MAX_READINGS,
    STEP_DB,
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


def test_a_meter_that_is_deaf_to_all_is_carried_too() -> None:
    read = Samples(np.zeros(2, np.int64), np.array([8, 40]), np.array([4, 4]), np.array([20.0, 30.0]))
    chosen = choose_readings(read, (replace(TX, power_dbm=20.0),), GRID, 9, floor_dbm=20.0)
    assert chosen is not None
    assert chosen.heard.tolist() == [False, True]
    assert same(coded(chosen, replace(TX, power_dbm=20.0)), chosen)


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
