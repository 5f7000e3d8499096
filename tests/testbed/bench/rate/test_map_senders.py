"""Whole maps as bytes: what is lost, what is sent, what is refused."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from radiosem.errors import FrameError, InputError
from testbed.bench.rate.map_senders import JpegMap, PngMap, RawMap, make_map_senders, map_sender_names


@pytest.fixture
def grey() -> NDArray[np.uint8]:
    """A smooth map with a hole, of sides that no scale divides."""
    row, col = np.indices((61, 75))
    grey = (200 - 2 * np.hypot(row - 30, col - 20)).clip(0, 255).astype(np.uint8)
    grey[5:20, 40:60] = 0
    return grey


@pytest.mark.parametrize("sender", [RawMap(), PngMap()])
def test_lossless_maps_come_back_as_they_were(sender: RawMap | PngMap, grey: NDArray[np.uint8]) -> None:
    decoded = sender.decode(sender.encode(grey), (61, 75))
    assert decoded.dtype == np.float32
    assert np.array_equal(np.rint(decoded * 255), grey)


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_a_jpeg_map_is_the_file_without_its_headers(scale: int, grey: NDArray[np.uint8]) -> None:
    sender = JpegMap(scale, 50)
    data = sender.encode(grey)
    assert np.abs(sender.decode(data, (61, 75)) - grey / 255).mean() < 0.02 * scale
    small = cv2.resize(grey, (-(-75 // scale), -(-61 // scale)), interpolation=cv2.INTER_AREA)
    whole = cv2.imencode(".jpg", small, (cv2.IMWRITE_JPEG_QUALITY, 50))[1].tobytes()
    assert whole.endswith(data + b"\xff\xd9")
    assert len(data) < len(whole) - 300


def test_more_quality_takes_more_bytes_and_errs_less(grey: NDArray[np.uint8]) -> None:
    senders = make_map_senders("jpeg-map", (5, 50), (1,))
    sent = [sender.encode(grey) for sender in senders]
    errors = [np.abs(s.decode(data, (61, 75)) - grey / 255).mean() for s, data in zip(senders, sent, strict=True)]
    assert len(sent[0]) < len(sent[1])
    assert errors[0] > errors[1]


def test_bytes_of_another_map_are_refused(grey: NDArray[np.uint8]) -> None:
    for sender in (RawMap(), PngMap()):
        with pytest.raises(FrameError):
            sender.decode(sender.encode(grey), (64, 64))


def test_an_unknown_sender_is_named_with_those_known() -> None:
    with pytest.raises(InputError, match="map sender is 'pigeon'; known are raw-map, png-map, jpeg-map"):
        make_map_senders("pigeon", (5,), (1,))
    assert set(map_sender_names()) >= {"raw-map", "png-map", "jpeg-map"}
