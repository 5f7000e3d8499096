"""Sight lines visit exactly the pixels of the rational line, and the depth map weighs the law by them."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from radiosem.errors import InputError
from radiosem.physics.depth import clear_ends, depth_map, distance_m, free_share, path_loss_db
from radiosem.types import Grid, PathLoss, Transmitter

LAW = PathLoss(pl0_db=40.0, slope_db=30.0)


def line(tx: Transmitter, col: int, row: int) -> list[tuple[int, int]]:
    """(row, col) of the pixels from transmitter to target, in exact integer arithmetic."""
    dc, dr = col - tx.col, row - tx.row
    n = max(abs(dc), abs(dr))
    if n == 0:
        return [(row, col)]
    return [(tx.row + (2 * i * dr + n) // (2 * n), tx.col + (2 * i * dc + n) // (2 * n)) for i in range(n + 1)]


def walk(buildings: NDArray[np.bool_], tx: Transmitter) -> NDArray[np.float32]:
    """free_share by a plain loop over every pixel of every line."""
    share = np.empty(buildings.shape, np.float32)
    for row, col in np.ndindex(*buildings.shape):
        blocked = [bool(buildings[pixel]) for pixel in line(tx, col, row)]
        share[row, col] = 1 - sum(blocked) / len(blocked)
    return share


def walked_ends(buildings: NDArray[np.bool_], tx: Transmitter, col: int, row: int) -> set[tuple[int, int]]:
    """(clear_near, clear_far) of the lines to the border that pass within half their spacing of a pixel's centre."""
    rows, cols = buildings.shape
    dc, dr = col - tx.col, row - tx.row
    n = max(abs(dc), abs(dr))
    found = set()
    for along, across, at, size, axis in ((dc, dr, tx.col, cols, 1), (dr, dc, tx.row, rows, 0)):
        if abs(along) < n:
            continue
        reach = size - 1 - at if along > 0 else at
        for m in range(-reach, reach + 1):
            if 2 * abs(n * m - across * reach) > n:
                continue
            steps = [(i if along > 0 else -i, (2 * i * m + reach) // (2 * reach)) for i in range(n + 1)]
            blocked = [
                bool(buildings[(tx.row + v, tx.col + i) if axis else (tx.row + i, tx.col + v)]) for i, v in steps
            ]
            near = blocked.index(True) if any(blocked) else n
            found.add((near, n - max([i for i, b in enumerate(blocked) if b], default=0)))
    return found


@st.composite
def blocks(draw: st.DrawFn) -> tuple[NDArray[np.bool_], Transmitter]:
    """A block of random houses or of noise, and a transmitter anywhere, borders and corners included."""
    rows, cols = draw(st.integers(32, 40)), draw(st.integers(32, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    buildings = np.zeros((rows, cols), bool)
    if draw(st.booleans()):
        buildings = rng.random((rows, cols)) < draw(st.sampled_from([0.01, 0.1, 0.5, 0.9]))
    for _ in range(draw(st.integers(0, 8))):
        row, col, height, width = rng.integers(0, rows), rng.integers(0, cols), *rng.integers(1, 14, 2)
        buildings[row : row + height, col : col + width] = True
    return buildings, Transmitter(col=draw(st.integers(0, cols - 1)), row=draw(st.integers(0, rows - 1)))


@settings(max_examples=15, deadline=None)
@given(blocks())
def test_sight_lines_equal_the_plain_loop_exactly(block: tuple[NDArray[np.bool_], Transmitter]) -> None:
    buildings, tx = block
    share, (near, far) = free_share(buildings, tx), clear_ends(buildings, tx)
    for fast in (share, near, far):
        assert fast.dtype == np.float32
    np.testing.assert_array_equal(share, walk(buildings, tx))
    for row, col in np.ndindex(*buildings.shape):
        ends = (int(near[row, col]), int(far[row, col]))
        assert (row, col) == (tx.row, tx.col) or ends in walked_ends(buildings, tx, col, row)


@pytest.mark.parametrize("tx", [Transmitter(col=0, row=1000), Transmitter(col=300, row=511)])
def test_lines_across_the_largest_grid_are_exact(tx: Transmitter) -> None:
    buildings = np.random.default_rng(tx.col).random((1024, 1024)) < 0.01
    share, (near, far) = free_share(buildings, tx), clear_ends(buildings, tx)
    n = 1023 - tx.col  # the longer axis for the rows below
    rows = np.arange(max(tx.row - n, 0), min(tx.row + n, 1023) + 1)
    i = np.arange(n + 1)
    blocked = buildings[tx.row + (2 * i * (rows - tx.row)[:, None] + n) // (2 * n), tx.col + i]
    np.testing.assert_array_equal(share[rows, 1023], np.float32(1 - blocked.sum(axis=1) / (n + 1)))
    # Here the lines to the border are those to the pixels.
    met = blocked.any(axis=1)
    np.testing.assert_array_equal(near[rows, 1023], np.where(met, blocked.argmax(axis=1), n))
    last = np.where(met, n - blocked[:, ::-1].argmax(axis=1), 0)
    np.testing.assert_array_equal(far[rows, 1023], n - last)


@pytest.mark.parametrize("tx", [Transmitter(0, 0), Transmitter(31, 31), Transmitter(16, 7), Transmitter(0, 31)])
def test_each_pixel_lies_on_exactly_the_lines_that_visit_it(tx: Transmitter) -> None:
    on_line = {(row, col): set(line(tx, col, row)) for row, col in np.ndindex(32, 32)}
    for pixel in itertools.product(range(0, 32, 3), range(0, 32, 4)):
        buildings = np.zeros((32, 32), bool)
        buildings[pixel] = True
        blocked = free_share(buildings, tx) < 1
        assert {tuple(map(int, target)) for target in np.argwhere(blocked)} == {
            target for target, pixels in on_line.items() if pixel in pixels
        }


def test_a_tie_rounds_towards_the_higher_index() -> None:
    tx = Transmitter(col=10, row=10)
    assert line(tx, col=12, row=11) == [(10, 10), (11, 11), (11, 12)]
    assert line(tx, col=8, row=9) == [(10, 10), (10, 9), (9, 8)]
    buildings = np.zeros((32, 32), bool)
    buildings[11, 11] = buildings[10, 9] = True
    share = free_share(buildings, tx)
    assert share[11, 12] == share[9, 8] == np.float32(2 / 3)


def test_an_open_block_is_free_and_a_built_one_is_not() -> None:
    tx = Transmitter(col=5, row=20)
    rows, cols = np.ogrid[-20:12, -5:28]
    reach = np.maximum(abs(rows), abs(cols))
    open_ground, roofs = np.zeros((32, 33), bool), np.ones((32, 33), bool)
    assert (free_share(open_ground, tx) == 1).all()
    for clear in clear_ends(open_ground, tx):
        np.testing.assert_array_equal(clear, reach)
    for closed in (free_share(roofs, tx), *clear_ends(roofs, tx)):
        assert not closed.any()


def test_a_wall_hides_what_is_behind_it() -> None:
    buildings = np.zeros((32, 40), bool)
    buildings[:, 20:22] = True
    tx = Transmitter(col=10, row=16)
    share, (near, far) = free_share(buildings, tx), clear_ends(buildings, tx)
    assert (share[:, :20] == 1).all()
    assert share[16, 29] == np.float32(1 - 2 / 20)
    assert near[16, 29] == 10
    assert far[16, 29] == 8


@pytest.mark.parametrize("readonly", [False, True])
def test_the_memory_layout_of_the_mask_changes_nothing(readonly: bool) -> None:
    buildings = np.random.default_rng(3).random((40, 60)) < 0.2
    strided = np.asfortranarray(buildings)
    strided.flags.writeable = not readonly
    tx = Transmitter(col=33, row=11)
    np.testing.assert_array_equal(free_share(strided, tx), free_share(buildings, tx))
    mirrored = free_share(buildings[::-1], Transmitter(col=33, row=28))
    np.testing.assert_array_equal(mirrored, free_share(np.ascontiguousarray(buildings[::-1]), Transmitter(33, 28)))


@pytest.mark.parametrize(("col", "row"), [(-1, 3), (32, 3), (3, -1), (3, 32), (10**9, 0)])
def test_a_transmitter_outside_is_refused_by_name(col: int, row: int) -> None:
    outside, buildings = Transmitter(col=col, row=row), np.zeros((32, 32), bool)
    with pytest.raises(InputError, match=f"col {col}, row {row} is outside the grid"):
        clear_ends(buildings, outside)
    with pytest.raises(InputError, match=f"transmitter 1 at col {col}, row {row} is outside the grid"):
        depth_map(buildings, (Transmitter(0, 0), outside), (LAW, LAW))


def test_a_block_beyond_the_exact_arithmetic_is_refused() -> None:
    with pytest.raises(InputError, match="cols is 1025"):
        free_share(np.zeros((32, 1025), bool), Transmitter(0, 0))


def test_distance_is_three_dimensional_in_metres_and_at_least_one() -> None:
    grid = Grid(rows=40, cols=50, cell_size_m=2.0)
    distance = distance_m(grid, Transmitter(col=4, row=3, height_m=13.5))
    assert distance.shape == (40, 50)
    assert distance[3, 4] == pytest.approx(12.0)
    assert distance[7, 7] == pytest.approx(np.sqrt(8**2 + 6**2 + 12**2))
    assert distance_m(grid, Transmitter(col=4, row=3, height_m=1.5))[3, 4] == 1


def test_path_loss_grows_by_its_slope_per_decade() -> None:
    loss_db = path_loss_db(Grid(rows=32, cols=120), Transmitter(col=0, row=0, height_m=1.5), LAW)
    assert loss_db[0, [0, 1, 10, 100]] == pytest.approx([40, 40, 70, 100])


def test_the_depth_map_of_two_transmitters_is_the_normalised_sum_of_weighted_losses() -> None:
    buildings = np.random.default_rng(5).random((32, 36)) < 0.3
    transmitters = (Transmitter(3, 4), Transmitter(30, 20, height_m=20.0))
    laws = (LAW, PathLoss(35.0, 38.0))
    expected = np.zeros((32, 36))
    for tx, law in zip(transmitters, laws, strict=True):
        row, col = np.mgrid[:32, :36]
        distance = np.sqrt((row - tx.row) ** 2 + (col - tx.col) ** 2 + (tx.height_m - 1.5) ** 2)
        expected += (law.pl0_db + law.slope_db * np.log10(distance)) * walk(buildings, tx)
    depth = depth_map(buildings, transmitters, laws)
    assert depth.dtype == np.float32
    assert depth.max() == 1
    np.testing.assert_allclose(depth, expected / expected.max(), rtol=1e-5, atol=1e-7)


def test_weighing_power_fades_with_distance_and_obstacles_and_ends_at_the_floor() -> None:
    buildings = np.zeros((32, 64), bool)
    buildings[16, 10] = True
    depth = depth_map(buildings, (Transmitter(0, 16),), (PathLoss(80.0, 40.0),), weigh="power")
    assert depth[16, 3] > depth[16, 9] > depth[16, 11] > 0
    assert depth[15, 63] == pytest.approx(0, abs=1e-6)  # 40 * log10(63) is over 70 dB
    assert (depth >= 0).all()


def test_a_law_that_promises_a_gain_close_by_weighs_nothing_there() -> None:
    near = Transmitter(8, 16, height_m=1.5)
    depth = depth_map(np.zeros((32, 64), bool), (near,), (PathLoss(-16.0, 40.0),))
    assert depth[16, 8] == depth[16, 10] == 0
    assert depth[16, 12] > 0
    assert depth.max() == 1


def test_a_depth_map_of_nothing_but_buildings_is_zero() -> None:
    depth = depth_map(np.ones((32, 32), bool), (Transmitter(1, 1),), (LAW,))
    assert not depth.any()


def test_an_unknown_weighing_and_a_missing_law_are_refused() -> None:
    buildings = np.zeros((32, 32), bool)
    with pytest.raises(InputError, match="weigh is 'gain'"):
        depth_map(buildings, (Transmitter(1, 1),), (LAW,), weigh="gain")
    with pytest.raises(InputError, match="1 laws for 2 transmitters"):
        depth_map(buildings, (Transmitter(1, 1), Transmitter(2, 2)), (LAW,))
