"""Masks on the grid: means over cells, speckle gone, edges where they were."""

import numpy as np

from radiosem.masks.on_grid import free_transmitters, mask_on_grid, resize
from radiosem.types import Grid, Transmitter


def test_shrinking_takes_the_mean_over_the_area() -> None:
    image = np.arange(64, dtype=np.float32).reshape(8, 8)
    np.testing.assert_allclose(resize(image, (4, 4)), image.reshape(4, 2, 4, 2).mean((1, 3)))


def test_one_axis_may_grow_while_the_other_shrinks() -> None:
    image = np.repeat(np.array([[0, 255]], np.uint8), 8, 0)
    resized = resize(image, (4, 6))
    assert resized.shape == (4, 6)
    np.testing.assert_array_equal(resized[:, [0, -1]], [[0, 255]] * 4)


def test_a_wall_stays_where_it_is_and_a_speck_goes() -> None:
    probability = np.zeros((128, 128), np.float32)
    probability[40:90, 30:100] = 1.0
    probability[10, 10] = 1.0
    mask = mask_on_grid(probability, Grid(64, 64))
    expected = np.zeros((64, 64), bool)
    expected[20:45, 15:50] = True
    assert (mask != expected).sum() <= 4  # corners
    assert not mask[:10, :10].any()


def test_what_is_too_small_is_so_in_metres_not_in_cells() -> None:
    probability = np.zeros((64, 64), np.float32)
    probability[30:34, 30:34] = 1.0
    assert mask_on_grid(probability, Grid(64, 64, cell_size_m=2.0)).any()
    assert not mask_on_grid(probability, Grid(64, 64, cell_size_m=0.3)).any()


def test_a_transmitter_in_a_building_is_let_out_to_the_street() -> None:
    buildings = np.zeros((40, 60), bool)
    buildings[10:30, 20:50] = True
    before = buildings.copy()
    inside, outside = Transmitter(24, 18), Transmitter(5, 5)
    freed, depths = free_transmitters(buildings, (outside, inside))
    np.testing.assert_array_equal(buildings, before)
    assert depths == (0.0, 5.0)
    assert not freed[18, :25].any()
    assert freed[18, 31:50].all()
    assert not (freed & ~buildings).any()


def test_what_is_all_building_has_no_street_to_be_let_out_to() -> None:
    freed, depths = free_transmitters(np.ones((32, 32), bool), (Transmitter(3, 3),))
    assert freed.all()
    assert depths == (np.inf,)
