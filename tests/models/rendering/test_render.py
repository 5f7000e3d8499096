"""What a landscape promises: the seed decides it, buildings stand where the heights say, colour alone tells nothing."""

import numpy as np
import pytest

from radiosem.errors import InputError
from radiosem_models.rendering.landscape import _cast_shadow, landscape_image


@pytest.fixture
def heights():
    block = np.zeros((64, 96), np.uint8)
    block[8:28, 10:40], block[8:28, 40:56], block[40:60, 20:80] = 12, 18, 9
    return block


def test_the_same_seed_draws_the_same_image_at_two_pixels_a_cell(heights):
    image = landscape_image(heights, 3)
    assert image.dtype == np.uint8
    assert image.shape == (128, 192, 3)
    assert np.array_equal(image, landscape_image(heights, 3))


def test_another_seed_draws_another_image(heights):
    assert np.abs(landscape_image(heights, 3).astype(int) - landscape_image(heights, 4)).mean() > 5


def test_cars_are_drawn_where_the_mask_says_and_nowhere_else(heights):
    cars = np.zeros(heights.shape, bool)
    cars[33:35, 20:25] = True
    with_car = landscape_image(heights, 5, cars).astype(int)
    without = landscape_image(heights, 5, np.zeros_like(cars)).astype(int)
    changed = np.abs(with_car - without).max(2)
    near = np.zeros_like(changed)
    near[56:80, 24:66] = True  # the car, its shadow, the blur and the JPEG blocks around them
    assert changed[66:70, 40:50].mean() > 20
    assert changed[~near].max() < 8  # what is left is the sky that the car hides from its neighbourhood


def test_walls_show_in_the_image(heights):
    """Edges are stronger along the outline of the buildings than elsewhere, over many looks."""
    inside = np.repeat(np.repeat(heights > 0, 2, 0), 2, 1)
    across = inside[:, 1:] != inside[:, :-1]
    steps = [np.abs(np.diff(landscape_image(heights, s).astype(float).mean(2), axis=1)) for s in range(5)]
    assert np.mean([s[across].mean() / s[~across].mean() for s in steps]) > 1.5


def test_no_brightness_threshold_finds_the_buildings(heights):
    inside = np.repeat(np.repeat(heights > 0, 2, 0), 2, 1)
    grey = np.concatenate([landscape_image(heights, s).mean(2).ravel() for s in range(5)])
    truth = np.tile(inside.ravel(), 5)
    best = max((((grey > t) == truth).mean() for t in range(0, 256, 8)), key=lambda share: max(share, 1 - share))
    assert 1 - truth.mean() - 0.05 < best < 0.85


def test_a_shadow_is_as_long_as_its_tower_is_high_at_45_degrees():
    height = np.zeros((32, 96), np.float32)
    height[8:24, 60:64] = 10.0
    shadow = _cast_shadow(height, azimuth=0.0, elevation=np.pi / 4)  # the sun stands to the east: shadow to the west
    lit = np.flatnonzero(shadow[16] > 0.5)
    assert lit.max() == 59
    assert 18 <= len(lit) <= 21  # 10 m are 20 pixels


@pytest.mark.parametrize("fill", [0, 255])
def test_a_block_that_is_all_street_or_all_building_is_drawn(fill):
    assert landscape_image(np.full((32, 32), fill, np.uint8), 0).std() > 0


@pytest.mark.parametrize("bad", [np.zeros((64, 64)), np.zeros((8, 64), np.uint8), np.zeros((64, 64, 3), np.uint8)])
def test_heights_of_another_kind_are_refused_by_name(bad):
    with pytest.raises(InputError, match="heights_m is"):
        landscape_image(bad, 0)


def test_cars_of_another_shape_are_refused_by_name(heights):
    with pytest.raises(InputError, match="cars has shape"):
        landscape_image(heights, 0, np.zeros((4, 4), bool))
