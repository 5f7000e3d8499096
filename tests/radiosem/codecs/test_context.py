"""The context code is lossless, small, pinned, and safe against any bytes."""

import hashlib
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from radiosem.codecs.context import ContextCodec
from radiosem.errors import FrameError, InputError

Block = Callable[..., NDArray[np.bool_]]
CODEC = ContextCodec()
SIDES = st.integers(32, 48)


@given(st.data(), SIDES, SIDES)
@settings(max_examples=8, deadline=None)
def test_any_mask_comes_back_exactly(data: st.DataObject, rows: int, cols: int) -> None:
    mask = data.draw(arrays(np.bool_, (rows, cols)))
    assert np.array_equal(CODEC.decode(CODEC.encode(mask), mask.shape), mask)


@pytest.mark.parametrize("shape", [(32, 32), (33, 200), (1024, 32), (32, 1024)])
def test_long_and_narrow_maps_come_back_exactly(block: Block, shape: tuple[int, int]) -> None:
    mask = block(*shape)
    assert np.array_equal(CODEC.decode(CODEC.encode(mask), shape), mask)


@pytest.mark.parametrize("value", [False, True])
def test_uniform_map_costs_a_few_words(value: bool) -> None:
    mask = np.full((128, 128), value)
    assert len(CODEC.encode(mask)) <= 40


def test_a_block_costs_a_third_of_its_png(block: Block) -> None:
    mask = block(160, 160, houses=24)
    done, png = cv2.imencode(
        ".png", mask.astype(np.uint8), (cv2.IMWRITE_PNG_BILEVEL, 1, cv2.IMWRITE_PNG_COMPRESSION, 9)
    )
    assert done
    assert 3 * len(CODEC.encode(mask)) < len(png)


def test_noise_costs_little_more_than_itself() -> None:
    mask = np.random.default_rng(0).random((128, 128)) < 0.5
    assert len(CODEC.encode(mask)) < 1.3 * mask.size / 8


def test_bits_are_pinned(block: Block) -> None:
    stream = CODEC.encode(block(96, 80)) + CODEC.encode(block(64, 200, seed=3))
    assert (CODEC.codec_id.hex(), hashlib.sha256(stream).hexdigest()[:16]) == ("c88ecf4d", "e0690932751d863e")


@given(st.binary(max_size=300), SIDES, SIDES)
@settings(max_examples=20, deadline=None)
def test_hostile_bytes_are_a_mask_or_a_frame_error(data: bytes, rows: int, cols: int) -> None:
    try:
        mask = CODEC.decode(data, (rows, cols))
    except FrameError:
        return
    assert mask.shape == (rows, cols)
    assert mask.dtype == bool


def test_bytes_after_the_last_pixel_are_refused(block: Block) -> None:
    mask = block()
    with pytest.raises(FrameError):
        CODEC.decode(CODEC.encode(mask) + bytes(range(1, 41)), mask.shape)


@pytest.mark.parametrize("mask", [np.zeros((40, 40)), np.zeros((2, 40, 40), bool)])
def test_what_is_no_mask_is_an_input_error(mask: NDArray[np.bool_]) -> None:
    with pytest.raises(InputError, match="bool"):
        CODEC.encode(mask)
