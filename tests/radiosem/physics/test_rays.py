"""Rays in plan agree with the mirror image of a wall and with the knife edge, and stay outdoors."""

import math
from typing import NamedTuple

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from radiosem.physics.depth import free_share
from radiosem.physics.rays import PERMITTIVITY, _walls, diffracted_gain, reflected_gain
from radiosem.types import SPEED_OF_LIGHT_M_S, Transmitter

TX = Transmitter(col=60, row=64)
WAVELENGTH_M = SPEED_OF_LIGHT_M_S / TX.frequency_hz


class Gains(NamedTuple):
    reflected_once: NDArray[np.float32]
    reflected_again: NDArray[np.float32]
    diffracted: NDArray[np.float32]


def traced(buildings: NDArray[np.bool_], tx: Transmitter = TX, cell_size_m: float = 1.0) -> Gains:
    sight = free_share(buildings, tx) >= 1
    return Gains(*reflected_gain(buildings, tx, cell_size_m), diffracted_gain(buildings, sight, tx, cell_size_m))


def friis_db(distance_m: float) -> float:
    return 20 * math.log10(WAVELENGTH_M / (4 * math.pi * distance_m))


def db(gain: float) -> float:
    return 10 * math.log10(gain)


def wall(first_col: int, last_col: int) -> NDArray[np.bool_]:
    buildings = np.zeros((128, 128), bool)
    buildings[:, first_col:last_col] = True
    return buildings


@pytest.mark.parametrize(("row", "col"), [(64, 40), (84, 50), (30, 60), (100, 20)])
def test_a_wall_mirrors_the_transmitter(row: int, col: int) -> None:
    gains = traced(wall(80, 90))
    across, along = (80 - 60.5) + (80 - col - 0.5), row - 64
    distance = math.hypot(across, along)
    cosine = across / distance
    root = math.sqrt(PERMITTIVITY - 1 + cosine**2)
    expected = friis_db(distance) + 20 * math.log10(abs((cosine - root) / (cosine + root)))
    assert db(gains.reflected_once[row, col]) == pytest.approx(expected, abs=0.5)
    assert gains.reflected_again.max() == 0


@pytest.mark.parametrize("side", [256, 512, 1024])
def test_a_far_wall_mirrors_on_the_largest_grid_as_on_a_small_one(side: int) -> None:
    buildings = np.zeros((side, side), bool)
    buildings[:, -8:] = True
    tx = Transmitter(col=8, row=8)
    once, _ = reflected_gain(buildings, tx)
    rows = np.arange(side // 4, side, side // 16)
    across, along = 2 * (side - 8) - 17, rows - 8.0
    distance = np.hypot(across, along)
    cosine = across / distance
    root = np.sqrt(PERMITTIVITY - 1 + cosine**2)
    expected = [friis_db(d) for d in distance] + 20 * np.log10(np.abs((cosine - root) / (cosine + root)))
    np.testing.assert_allclose(10 * np.log10(once[rows, 8]), expected, atol=1)


@pytest.mark.parametrize("degrees", [7, 20, 33, 45, 62, 81])
def test_a_slanted_wall_mirrors_at_its_own_angle_not_at_its_cells(degrees: int) -> None:
    out = np.array([math.cos(math.radians(degrees)), math.sin(math.radians(degrees))])  # columns, rows
    place, cells = np.array([150.5, 130.5]), np.stack(np.meshgrid(np.arange(256), np.arange(256)), -1) + 0.5
    behind = 40 - (cells - place) @ out
    once, again = reflected_gain(behind < 0, Transmitter(col=150, row=130))
    mirrored = place + 80 * out
    for along in (-45, -20, 20, 45):
        spot = place - 30 * out + along * np.array([-out[1], out[0]])
        distance = math.dist(spot, mirrored)
        cosine = 110 / distance
        root = math.sqrt(PERMITTIVITY - 1 + cosine**2)
        expected = friis_db(distance) + 20 * math.log10(abs((cosine - root) / (cosine + root)))
        col, row = spot.astype(int)
        assert db(once[row, col]) == pytest.approx(expected, abs=1)
    assert not again.any()


@pytest.mark.parametrize("thickness", [2, 3, 8])
def test_a_closed_yard_lets_nothing_out(thickness: int) -> None:
    buildings = np.zeros((96, 96), bool)
    buildings[20:70, 20:70] = True
    buildings[20 + thickness : 70 - thickness, 20 + thickness : 70 - thickness] = False
    once, again = reflected_gain(buildings, Transmitter(col=45, row=40))
    inside = np.zeros_like(buildings)
    inside[20:70, 20:70] = True
    assert (once[45, 30:60] > 0).all()
    assert not (once + again)[cv2.erode((~inside).astype(np.uint8), np.ones((13, 13), np.uint8)) > 0].any()


@pytest.mark.parametrize("row", [120, 100, 60, 20])
def test_a_street_mirrors_again_and_again(row: int) -> None:
    buildings = np.ones((256, 256), bool)
    buildings[:, 100:130] = False
    gains = traced(buildings, Transmitter(col=112, row=128))
    west, east = 99.75, 130.25  # walls lie a quarter of a cell inside the outline
    by_walls = np.zeros(6)
    for first_wall in (west, east):
        place, wall = 112.5, first_wall
        for walls in range(1, 6):
            place, wall = 2 * wall - place, west + east - wall
            across, along = abs(115.5 - place), row - 128
            distance = math.hypot(across, along)
            root = math.sqrt(PERMITTIVITY - 1 + (across / distance) ** 2)
            share = ((across / distance - root) / (across / distance + root)) ** (2 * walls)
            by_walls[walls] += share * 10 ** (friis_db(distance) / 10)
    assert db(gains.reflected_once[row, 115]) == pytest.approx(db(by_walls[1]), abs=0.2)
    assert db(gains.reflected_again[row, 115]) == pytest.approx(db(by_walls[2:].sum()), abs=0.2)


def facade(thickness: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """A long wall with a notch of one cell by three, and all of a closed yard behind it."""
    buildings = np.zeros((128, 128), bool)
    buildings[60 : 60 + thickness] = True
    buildings[60, 62:65] = False
    buildings[110:] = True
    yard = np.zeros_like(buildings)
    yard[60 + thickness + 6 : 110] = True
    return buildings, yard


@pytest.mark.parametrize("thickness", [4, 8])
def test_a_transmitter_in_a_notch_of_its_wall_is_mirrored_by_it_and_not_let_through(thickness: int) -> None:
    buildings, yard = facade(thickness)
    inside, before = (sum(reflected_gain(buildings, Transmitter(col=63, row=row))) for row in (60, 58))
    assert inside[:55].sum() == pytest.approx(before[:55].sum(), rel=0.5)
    assert not inside[yard].any()


@pytest.mark.parametrize("thickness", [1, 2, 3])
def test_a_thin_wall_mirrors_straight(thickness: int) -> None:
    buildings = np.zeros((128, 128), bool)
    buildings[40 : 40 + thickness, 50:78] = True
    once, _ = reflected_gain(buildings, Transmitter(col=64, row=80))
    lit = np.flatnonzero(once[100] > 0.25 * once[100].max())
    # The image lies at row 0.5: walls from 50 to 78 are seen from there up to 2.5 times as wide.
    assert lit[0] == pytest.approx(64 - 14 * 100 / 40, abs=3)
    assert lit[-1] == pytest.approx(64 + 14 * 100 / 40, abs=3)


def test_a_step_of_three_cells_is_a_corner_and_no_slant() -> None:
    buildings = np.zeros((128, 128), bool)
    buildings[:20, :64] = buildings[:23, 64:] = True
    tx = Transmitter(col=40, row=60)
    once, _ = reflected_gain(buildings, tx)
    distance = math.hypot(2 * (60.5 - 20) + 20, 20)
    cosine = (2 * (60.5 - 20) + 20) / distance
    root = math.sqrt(PERMITTIVITY - 1 + cosine**2)
    expected = friis_db(distance) + 20 * math.log10(abs((cosine - root) / (cosine + root)))
    assert db(once[80, 20]) == pytest.approx(expected, abs=0.5)


def test_a_board_of_single_cells_is_no_burden() -> None:
    board = np.indices((512, 512)).sum(0) % 2 > 0
    board[250:262, 250:262] = False
    assert len(_walls(board.astype(np.uint8), 1.5)) < 1000  # of 130,000 cells
    assert all(np.isfinite(field).all() for field in reflected_gain(board, Transmitter(col=256, row=256)))


def test_shadows_of_a_large_grid_have_no_stripes() -> None:
    buildings = np.zeros((512, 512), bool)
    buildings[200:260, 60:64] = True
    tx = Transmitter(col=30, row=230)
    bent = traced(buildings, tx).diffracted
    shadow = free_share(buildings, tx) < 1
    shadow[:, :100] = False
    assert (bent[shadow & ~buildings] > 0).mean() > 0.97


@pytest.mark.parametrize(("row", "col"), [(40, 110), (30, 100), (20, 120)])
def test_an_edge_bends_into_the_shadow_like_a_knife(row: int, col: int) -> None:
    buildings = np.zeros((128, 128), bool)
    buildings[:56, 80:84] = True  # its corner hides the north-east from a transmitter in the south-west
    tx = Transmitter(col=60, row=64)
    gains = traced(buildings, tx)
    edge = np.array([56.0, 84.0])
    before, after = math.dist((64.5, 60.5), edge), math.dist(edge, (row + 0.5, col + 0.5))
    bend = math.atan2(64.5 - edge[0], edge[1] - 60.5) - math.atan2(edge[0] - row - 0.5, col + 0.5 - edge[1])
    nu = abs(bend) * math.sqrt(2 * before * after / (WAVELENGTH_M * (before + after)))
    knife = 6.9 + 20 * math.log10(math.sqrt((nu - 0.1) ** 2 + 1) + nu - 0.1)
    assert db(gains.diffracted[row, col]) == pytest.approx(friis_db(before + after) - knife, abs=2.5)  # a cell's best


def test_open_ground_bends_and_mirrors_nothing() -> None:
    for field in traced(np.zeros((64, 64), bool), Transmitter(30, 30)):
        assert field.dtype == np.float32
        assert not field.any()


def test_nothing_gets_out_of_a_building_or_into_one() -> None:
    buildings = wall(50, 70)
    assert not any(field.any() for field in traced(buildings, Transmitter(60, 64)))
    gains = traced(wall(80, 90) | wall(20, 30))
    assert not any(field[:, 80:90].any() for field in gains)


def test_twice_the_cell_is_a_quarter_of_the_reflection() -> None:
    once, twice = traced(wall(80, 90)).reflected_once, traced(wall(80, 90), cell_size_m=2.0).reflected_once
    np.testing.assert_allclose(twice, once / 4, rtol=1e-4)


def test_a_turned_block_has_a_turned_field() -> None:
    buildings = np.zeros((128, 128), bool)
    buildings[20:50, 70:110] = buildings[80:110, 30:100] = True
    turned = traced(np.rot90(buildings), Transmitter(col=TX.row, row=127 - TX.col))
    for field, other in zip(traced(buildings), turned, strict=True):
        both = (field > 0) & (np.rot90(other, -1) > 0)
        assert both.sum() > 0.9 * (field > 0).sum()
        difference = 10 * np.log10(field[both] / np.rot90(other, -1)[both])
        assert np.abs(difference).mean() < 1


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.01, 0.3, 0.9]))
def test_any_mask_ends_and_is_finite(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    rows, cols = rng.integers(32, 80, 2)
    tx = Transmitter(col=int(rng.integers(cols)), row=int(rng.integers(rows)))
    buildings = rng.random((rows, cols)) < share
    for field in traced(buildings, tx):
        assert field.shape == buildings.shape
        assert np.isfinite(field).all()
        assert (field >= 0).all()
        assert not field[buildings].any()
