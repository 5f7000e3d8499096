"""The mask is the network's, on the grid, whatever the size of the block; transmitters stand outdoors."""

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_tx.segment import MARGIN, TILE, Segmenter, mask_warnings, open_to_transmitters, tiles
from radiosem.errors import InputError
from radiosem.types import Grid, Samples, Transmitter

RED, GREY = (255, 0, 0), (90, 90, 90)


def paint(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    return np.where(mask[..., None], np.uint8(RED), np.uint8(GREY))


def test_mask_is_that_of_the_network_on_the_grid(segmenter: Segmenter, buildings: NDArray[np.bool_]) -> None:
    image = paint(buildings.repeat(2, 0).repeat(2, 1))
    np.testing.assert_array_equal(segmenter(image, Grid(64, 64, 1.0)), buildings)


def test_a_speck_is_dropped_and_a_frayed_edge_is_straightened(segmenter: Segmenter) -> None:
    fine = np.zeros((128, 128), bool)
    fine[:, 64:] = True
    straight = fine[::2, ::2].copy()
    fine[::8, 62:64] = True
    fine[40:42, 20:22] = True
    np.testing.assert_array_equal(segmenter(paint(fine), Grid(64, 64, 1.0)), straight)


@pytest.mark.parametrize(("rows", "cols"), [(33, 47), (511, 600), (513, 40)])
def test_any_size_of_block_is_segmented_without_seams(segmenter: Segmenter, rows: int, cols: int) -> None:
    fine = np.random.default_rng(1).random((rows, cols)) > 0.5
    np.testing.assert_array_equal(segmenter.probability(paint(fine)) > 0.5, fine)


@pytest.mark.parametrize("side", [1, 32, 512, 513, 700, 961, 1024, 2048])
def test_tiles_answer_for_every_pixel_once_and_with_context(side: int) -> None:
    done = 0
    for start, first, last in tiles(side):
        assert first == done
        assert start <= first < last <= start + TILE
        assert start == 0 or first - start >= MARGIN // 2 - 1
        assert last == side or start + TILE - last >= MARGIN // 2 - 1
        done = last
    assert done == side


def test_transmitter_outdoors_leaves_the_mask_alone(buildings: NDArray[np.bool_]) -> None:
    mask, warnings = open_to_transmitters(buildings, (Transmitter(32, 32),), Grid(64, 64))
    np.testing.assert_array_equal(mask, buildings)
    assert warnings == ()


def test_transmitter_just_inside_a_building_is_freed_with_a_warning(buildings: NDArray[np.bool_]) -> None:
    before = buildings.copy()
    mask, warnings = open_to_transmitters(buildings, (Transmitter(32, 32), Transmitter(8, 15)), Grid(64, 64))
    np.testing.assert_array_equal(buildings, before)
    assert not mask[15, :9].any()  # open to the street, not a courtyard of its own
    assert mask[15, 13:24].all()
    assert len(warnings) == 1
    assert "transmitter 1 at col 8, row 15 was 3.0 m inside a building" in warnings[0]


def test_transmitter_deep_inside_a_building_is_refused(buildings: NDArray[np.bool_]) -> None:
    with pytest.raises(
        InputError, match=r"transmitter 1 at col 15, row 16 is inside a building.*on roofs are not supported"
    ):
        open_to_transmitters(buildings, (Transmitter(32, 32), Transmitter(15, 16)), Grid(64, 64))


def test_forgiveness_is_in_metres_not_in_cells(buildings: NDArray[np.bool_]) -> None:
    with pytest.raises(InputError, match="inside a building"):
        open_to_transmitters(buildings, (Transmitter(8, 15),), Grid(64, 64, 2.0))
    open_to_transmitters(buildings, (Transmitter(9, 15),), Grid(64, 64, 0.5))


def test_block_that_is_all_building_has_no_place_for_a_transmitter() -> None:
    with pytest.raises(InputError, match="inside a building"):
        open_to_transmitters(np.ones((32, 32), bool), (Transmitter(0, 0),), Grid(32, 32))


def test_a_mask_that_cannot_be_right_is_told(buildings: NDArray[np.bool_]) -> None:
    outdoors, indoors = (np.argwhere(cells)[:40] for cells in (~buildings, buildings))
    nobody = np.zeros(40, np.int64)
    street, inside = (Samples(nobody, at[:, 1], at[:, 0], np.full(40, -60.0)) for at in (outdoors, indoors))
    assert list(mask_warnings(buildings, street)) == []
    assert [w[:46] for w in mask_warnings(buildings, inside)] == [
        "100% of the samples lie in buildings; check tha"[:46]
    ]
    assert [w[:21] for w in mask_warnings(np.zeros_like(buildings), street)] == ["there is no building "]
