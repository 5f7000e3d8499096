"""Blocks and transmitters that cannot exist are refused where they are made, by name."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radiosem.errors import InputError, RadiosemError
from radiosem.types import MAX_SIDE, MIN_SIDE, Grid, PathLoss, Samples, Semantics, Transmitter


def test_a_block_is_256_metres_square_unless_said_otherwise() -> None:
    assert Grid().shape == (256, 256)
    assert Grid().cell_size_m == 1.0
    assert Grid(rows=32, cols=1024).shape == (32, 1024)


@pytest.mark.parametrize("name", ["rows", "cols"])
@pytest.mark.parametrize("side", [-1, 0, MIN_SIDE - 1, MAX_SIDE + 1, 10**12])
def test_a_grid_side_out_of_range_is_refused(name: str, side: int) -> None:
    with pytest.raises(InputError, match=rf"grid {name} is {side}; it must lie in 32\.\.1024 pixels"):
        Grid(**{name: side})


@pytest.mark.parametrize("cell_size_m", [0.0, 0.09, 25.6, -1.0, math.nan, math.inf])
def test_a_cell_size_out_of_range_is_refused(cell_size_m: float) -> None:
    with pytest.raises(InputError, match=rf"grid cell_size_m is {cell_size_m}; it must lie in 0\.1\.\.25\.5 metres"):
        Grid(cell_size_m=cell_size_m)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("height_m", 0.0, 255.5), ("power_dbm", -64.0, 63.5), ("frequency_hz", 1e6, 65.535e9)],
)
def test_a_transmitter_takes_its_range_and_nothing_beyond(name: str, low: float, high: float) -> None:
    for value in (low, high):
        assert getattr(Transmitter(1, 1, **{name: value}), name) == value
    for value in (np.nextafter(low, -np.inf), np.nextafter(high, np.inf), math.nan, math.inf, -math.inf):
        with pytest.raises(InputError, match=f"transmitter {name} is "):
            Transmitter(1, 1, **{name: float(value)})


@settings(deadline=None)
@given(col=st.integers(-300, 600), row=st.integers(-300, 600))
def test_exactly_the_pixels_of_the_grid_can_hold_a_transmitter(col: int, row: int) -> None:
    grid = Grid(rows=100, cols=200)
    if 0 <= col < 200 and 0 <= row < 100:
        Transmitter(col, row).check_inside(grid)
    else:
        with pytest.raises(InputError, match=rf"transmitter 3 at col {col}, row {row} is outside the grid; col must"):
            Transmitter(col, row).check_inside(grid, index=3)


def test_samples_count_their_readings() -> None:
    index = np.arange(5)
    assert len(Samples(index, index, index, index.astype(np.float64))) == 5


def test_semantics_without_buildings_are_degraded() -> None:
    whole = Semantics(Grid(), (Transmitter(1, 1),), (PathLoss(40.0, 30.0),), np.zeros((256, 256), bool))
    assert not whole.degraded
    assert dataclasses.replace(whole, buildings=None).degraded


@pytest.mark.parametrize("thing", [Grid(), Transmitter(1, 1), PathLoss(40.0, 30.0)])
def test_the_vocabulary_is_frozen(thing: object) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(thing, dataclasses.fields(thing)[0].name, 0)  # type: ignore[arg-type]


def test_an_input_error_is_both_ours_and_a_value_error() -> None:
    assert issubclass(InputError, RadiosemError)
    assert issubclass(InputError, ValueError)
