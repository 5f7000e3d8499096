"""Walls drawn straight: where they were on average, courts and thin walls kept, specks left out."""

import cv2
import numpy as np
import pytest

from radiosem.masks.outlines import SMALLEST_M, straightened

PIXEL_M = 1 / 3


def _house(angle: float, side: int = 240) -> np.ndarray:
    """A house of 100 x 60 pixels, turned."""
    corners = cv2.boxPoints(((side / 2, side / 2), (100, 60), angle))
    mask = np.zeros((side, side), np.uint8)
    cv2.fillPoly(mask, [np.round(corners * 16).astype(np.int32)], 1, shift=4)
    return mask.astype(np.bool_)


def _frayed(mask: np.ndarray, rng: np.random.Generator, most_px: float = 4.0) -> np.ndarray:
    """Its outline moved in and out by a few pixels, as a segmenter does."""
    doubt = cv2.GaussianBlur(rng.standard_normal(mask.shape), (0, 0), 3)
    inside = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5)
    outside = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5)
    return np.asarray(inside - outside + most_px * doubt / np.abs(doubt).max() * 2 > 0)


@pytest.mark.parametrize("angle", [0.0, 12.0, 30.0, 45.0])
def test_a_straight_house_stays_where_it_is(angle: float) -> None:
    house = _house(angle)
    changed = straightened(house, PIXEL_M) != house
    assert changed.sum() < 0.01 * house.sum()


@pytest.mark.parametrize("angle", [0.0, 12.0, 30.0, 45.0])
def test_a_frayed_wall_is_drawn_where_it_is_on_average(angle: float) -> None:
    house, rng = _house(angle), np.random.default_rng(int(angle))
    before, after = [], []
    for _ in range(10):
        frayed = _frayed(house, rng)
        before.append((frayed != house).sum())
        after.append((straightened(frayed, PIXEL_M) != house).sum())
    assert np.mean(after) < 0.7 * np.mean(before)


def test_courts_and_what_stands_in_them_are_kept() -> None:
    mask = np.zeros((240, 240), np.bool_)
    mask[20:220, 20:220] = True
    mask[60:180, 60:180] = False
    mask[100:140, 100:140] = True
    kept = straightened(mask, PIXEL_M)
    assert (kept != mask).sum() < 50
    assert kept[120, 120]
    assert not kept[80, 80]


def test_specks_and_pinholes_are_left_out() -> None:
    small = round(SMALLEST_M / PIXEL_M / 4) - 2
    mask = np.zeros((200, 200), np.bool_)
    mask[:120] = True
    mask[40 : 40 + small, 50 : 50 + small] = False
    mask[160 : 160 + small, 50 : 50 + small] = True
    kept = straightened(mask, PIXEL_M)
    assert kept[:120].all()
    assert not kept[120:].any()


def test_a_wall_thinner_than_outlines_may_stray_is_kept() -> None:
    mask = np.zeros((100, 200), np.bool_)
    mask[50:53, 20:180] = True
    np.testing.assert_array_equal(straightened(mask, PIXEL_M), mask)


@pytest.mark.parametrize("row", [60, 75, 90, 105])
def test_a_neck_one_pixel_wide_moves_no_wall(row: int) -> None:
    mask = np.zeros((160, 320), np.bool_)
    mask[20:140, 20:120] = mask[20:140, 200:300] = True
    mask[row, 120:200] = True
    assert (straightened(mask, PIXEL_M) != mask).sum() < 60


def test_buildings_that_the_block_cuts_reach_its_edge() -> None:
    mask = np.zeros((90, 120), np.bool_)
    mask[:40, 30:] = True
    np.testing.assert_array_equal(straightened(mask, PIXEL_M), mask)
    assert straightened(np.ones((90, 120), np.bool_), PIXEL_M).all()
    assert not straightened(np.zeros((90, 120), np.bool_), PIXEL_M).any()


@pytest.mark.parametrize("pixel_m", [0.03, 0.5, 8.5])
def test_whatever_the_mask_there_is_an_answer(pixel_m: float) -> None:
    rng = np.random.default_rng(0)
    for share in (0.02, 0.5, 0.98):
        for shape in ((1, 1), (3, 70), (120, 90)):
            noise = rng.random(shape) < share
            for mask in (noise, cv2.dilate(noise.view(np.uint8), np.ones((3, 3), np.uint8)) > 0):
                drawn = straightened(mask, pixel_m)
                assert (drawn.shape, drawn.dtype) == (mask.shape, np.bool_)
