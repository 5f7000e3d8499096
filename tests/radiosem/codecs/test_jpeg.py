"""The JPEG code sends a scan and nothing else, and decodes any setting from its first byte."""

import hashlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from radiosem.codecs.jpeg import MAX_QUALITY, SCALES, JpegCodec
from radiosem.errors import FrameError, InputError

Block = Callable[..., NDArray[np.bool_]]


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("shape", [(96, 80), (61, 35), (32, 131)])
def test_a_receiver_with_other_options_decodes_every_setting(block: Block, scale: int, shape: tuple[int, int]) -> None:
    mask = block(*shape)
    sent = JpegCodec(scale=scale, quality=60)
    decoded = JpegCodec().decode(sent.encode(mask), shape)
    assert decoded.shape == shape
    assert (decoded != mask).mean() < 0.02 * scale


def test_more_quality_costs_more_and_errs_less(block: Block) -> None:
    mask = block(200, 200)
    streams = [JpegCodec(scale=1, quality=quality).encode(mask) for quality in (1, 20, MAX_QUALITY)]
    wrong = [int((JpegCodec().decode(stream, mask.shape) != mask).sum()) for stream in streams]
    assert len(streams[0]) < len(streams[1]) < len(streams[2])
    assert wrong[0] > wrong[1] >= wrong[2]


def test_headers_and_tables_stay_at_home(block: Block) -> None:
    stream = JpegCodec(scale=4, quality=5).encode(block(64, 64))
    assert len(stream) < 60
    assert b"\xff\xd8" not in stream
    assert b"JFIF" not in stream


def test_bits_are_pinned(block: Block) -> None:
    stream = b"".join(JpegCodec(scale=scale, quality=10).encode(block(96, 80)) for scale in SCALES)
    assert (JpegCodec().codec_id.hex(), hashlib.sha256(stream).hexdigest()[:16]) == ("e07d6df7", "46dbfe165128fd1f")


@given(st.binary(max_size=200), st.integers(32, 90), st.integers(32, 90))
@settings(max_examples=60, deadline=None)
def test_hostile_bytes_are_a_mask_or_a_frame_error(data: bytes, rows: int, cols: int) -> None:
    try:
        mask = JpegCodec().decode(data, (rows, cols))
    except FrameError:
        return
    assert mask.shape == (rows, cols)
    assert mask.dtype == bool


def test_a_scan_that_brings_its_own_image_size_is_refused(block: Block) -> None:
    mask = block()
    huge = b"\xff\xd8\xff\xc0\x00\x0b\x08\xff\xff\xff\xff\x01\x01\x11\x00"
    with pytest.raises(FrameError, match="marker"):
        JpegCodec().decode(JpegCodec().encode(mask) + huge, mask.shape)


@pytest.mark.parametrize("options", [{"scale": 3}, {"quality": 0}, {"quality": 86}])
def test_unknown_settings_are_named(options: dict[str, int]) -> None:
    (name, value) = next(iter(options.items()))
    with pytest.raises(InputError, match=f"jpeg {name} is {value}"):
        JpegCodec(**options)
