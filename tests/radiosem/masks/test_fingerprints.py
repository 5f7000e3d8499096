"""What fingerprints promise: the same ground is recognised wherever a mask begins, other ground is not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radiosem.masks.fingerprints import at_a_metre, fingerprints, redrawn, seen_patches
from radiosem_models.rendering.procedural import procedural_heights

ENOUGH = 0.05  # well below what the same ground shares, well above what other ground does


def town(seed: int) -> np.ndarray:
    """Rows of houses of random sides, some joined at corners: bool [384, 384]."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((384, 384), bool)
    for row in range(6, 360, 30):
        col = int(rng.integers(2, 12))
        while col < 360:
            height, width = rng.integers(8, 24, 2)
            top = row + int(rng.integers(0, 6))
            mask[top : top + height, col : col + width] = True
            col += int(width) + int(rng.integers(0, 14))
    return mask


@settings(max_examples=10, deadline=None)
@given(
    seed=st.integers(0, 1000),
    south=st.integers(0, 127),
    east=st.integers(0, 127),
    turns=st.integers(0, 3),
    mirror=st.booleans(),
)
def test_shifted_and_turned_crops_of_one_town_are_recognised(seed, south, east, turns, mirror):
    mask = town(seed)
    known = fingerprints(mask[:256, :256])
    crop = np.rot90(mask[south : south + 256, east : east + 256], turns)
    common, patches = seen_patches(crop.T if mirror else crop, known)
    overlap = (1 - south / 256) * (1 - east / 256)
    assert patches > 20
    assert common / patches > max(ENOUGH, 0.3 * (overlap - 0.2))


@pytest.mark.parametrize(("cell_size_m", "share"), [(0.5, 0.9), (2.0, 0.2), (1.25, 0.2)])
def test_cells_of_another_size_hide_nothing(cell_size_m, share):
    mask = town(3)[:320, :320]
    side = round(320 / cell_size_m)
    place = ((np.arange(side) + 0.5) * cell_size_m).astype(int)
    common, patches = seen_patches(at_a_metre(mask[np.ix_(place, place)], cell_size_m), fingerprints(mask))
    assert common > share * patches > 10


@pytest.mark.parametrize("way", [0, 1])
def test_walls_a_pixel_thicker_or_thinner_hide_nothing(way):
    mask = town(5)[:256, :256]
    other = redrawn(mask)[way]
    assert np.mean(other != mask) > 0.05
    back = redrawn(other)[1 - way]
    common, patches = seen_patches(back, fingerprints(mask))
    assert common > 0.3 * patches > 10
    assert seen_patches(other, fingerprints(mask))[0] < common


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000), other=st.integers(1001, 2000))
def test_other_towns_are_not(seed, other):
    common, patches = seen_patches(town(other)[:256, :256], fingerprints(town(seed)))
    assert patches > 20
    assert common / patches < ENOUGH


def test_an_exact_shift_leaves_the_common_patches_as_they_are():
    mask = procedural_heights(0, "perimeter") > 0
    known = fingerprints(mask)
    assert len(known) > 20
    assert seen_patches(mask, known)[0] > 0.95 * len(known)
    common, patches = seen_patches(mask[:, 100:], fingerprints(mask[:, :-40]))
    assert common > 0.4 * patches


@pytest.mark.parametrize(
    "mask", [np.zeros((256, 256), bool), np.ones((256, 256), bool), np.eye(40, dtype=bool), np.eye(1, dtype=bool)]
)
def test_where_nothing_is_built_there_is_nothing_to_recognise(mask):
    assert len(fingerprints(mask)) == 0
    assert seen_patches(mask, np.arange(1, 1000, dtype=np.uint32)) == (0, 0)


def test_a_lone_wall_is_no_fingerprint():
    mask = np.zeros((256, 256), bool)
    mask[:, 120:] = True
    assert len(fingerprints(mask)) == 0


def test_a_row_of_equal_houses_is_one_fingerprint_however_long():
    mask = np.zeros((256, 256), bool)
    for west in range(4, 240, 18):
        mask[120:134, west : west + 12] = True
        mask[146:160, west : west + 12] = True
    known = fingerprints(mask)
    common, patches = seen_patches(mask, known)
    assert patches > 5 * len(known) >= 5 * common > 0
