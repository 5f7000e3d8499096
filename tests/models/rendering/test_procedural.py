"""Procedural blocks: repeatable, of their kind, and drawn like any other block."""

import hashlib

import cv2
import numpy as np
import pytest

from radiosem.errors import InputError
from radiosem_models.rendering.procedural import KINDS, procedural_heights, procedural_houses


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_makes_one_block(kind):
    heights = procedural_heights(3, kind)
    assert heights.shape == (256, 256)
    assert np.array_equal(heights, procedural_heights(3, kind))
    assert not np.array_equal(heights, procedural_heights(4, kind))


@pytest.mark.parametrize(("kind", "least", "most"), [("settlement", 0.3, 0.75), ("suburb", 0.1, 0.5)])
def test_kinds_are_as_dense_as_their_names_say(kind, least, most):
    cover = [np.mean(procedural_heights(seed, kind) > 0) for seed in range(6)]
    assert least < np.mean(cover) < most


def test_a_settlement_has_many_more_roofs_than_an_estate():
    def roofs(kind):
        masks = [(procedural_heights(seed, kind) > 0).astype(np.uint8) for seed in range(5)]
        return np.median([cv2.connectedComponents(mask)[0] for mask in masks])

    assert roofs("settlement") > 5 * roofs("estate")


def test_unusable_requests_are_refused_by_name():
    with pytest.raises(InputError, match="castle"):
        procedural_heights(0, "castle")
    with pytest.raises(InputError, match="side is 8"):
        procedural_heights(0, "suburb", side=8)


def test_a_seed_makes_the_same_block_for_ever():
    digest = hashlib.sha256()
    for kind in KINDS:
        for seed in range(12):
            digest.update(procedural_heights(seed, kind).tobytes())
            digest.update(procedural_heights(seed, kind, 100).tobytes())
    assert digest.hexdigest() == "d862bc3d0f19b19e9ff33a733949450d2a1984b81be7eeacba5dad10a531cfda"


@pytest.mark.parametrize("kind", KINDS)
def test_houses_stand_where_the_heights_say(kind):
    heights = procedural_heights(5, kind)
    checked = 0
    for house in procedural_houses(5, kind):
        col, row = np.rint(house.corners.mean(0)).astype(int)
        if 0 <= col < 256 and 0 <= row < 256:
            checked += 1
            assert heights[row, col] >= 2
    assert checked >= 10
