"""Grey image <-> the entropy-coded scan of its JPEG; what precedes it follows from size and quality.

Both ends know the headers and tables, so that the scan alone is sent.
Baseline JPEG (ITU-T T.81) with the standard Huffman tables of its annex K, no restart markers.
"""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from radiosem.errors import FrameError, InputError

_END_OF_IMAGE = b"\xff\xd9"
_START_OF_SCAN = b"\xff\xda"


def _jpeg(grey: NDArray[np.uint8], quality: int) -> bytes:
    options = (cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_OPTIMIZE, 0, cv2.IMWRITE_JPEG_PROGRESSIVE, 0)
    done, stream = cv2.imencode(".jpg", grey, options)
    if not done:
        raise InputError(f"image of shape {grey.shape} cannot be written as JPEG")
    return stream.tobytes()


@lru_cache(maxsize=256)
def header(shape: tuple[int, int], quality: int) -> bytes:
    """Everything before the scan, which depends on the size and the quality alone."""
    stream = _jpeg(np.zeros(shape, np.uint8), quality)
    scan = stream.rindex(_START_OF_SCAN)
    return stream[: scan + 2 + int.from_bytes(stream[scan + 2 : scan + 4], "big")]


def shrunk(shape: tuple[int, int], scale: int) -> tuple[int, int]:
    """Sides of an image whose pixels are `scale` x `scale` of these, the last ones in part."""
    return -(-shape[0] // scale), -(-shape[1] // scale)


def encode_scan(grey: NDArray[np.uint8], quality: int) -> bytes:
    """uint8 [h, w] -> scan."""
    return _jpeg(grey, quality).removeprefix(header(grey.shape, quality)).removesuffix(_END_OF_IMAGE)


def decode_scan(scan: bytes, shape: tuple[int, int], quality: int) -> NDArray[np.uint8]:
    """Scan -> uint8 [h, w]. Raises FrameError unless it is one scan without markers."""
    # Without markers it cannot bring another image size, tables or scans: the shared header bounds the work.
    if scan.count(b"\xff") != scan.count(b"\xff\x00"):
        raise FrameError("no JPEG scan: it holds a marker")
    stream = header(shape, quality) + scan + _END_OF_IMAGE
    try:
        grey = cv2.imdecode(np.frombuffer(stream, np.uint8), cv2.IMREAD_GRAYSCALE)
    except cv2.error:
        grey = None
    if grey is None or grey.shape != shape:
        raise FrameError(f"no JPEG scan: {len(scan)} bytes cannot be decoded as {shape[0]} x {shape[1]} pixels")
    return np.asarray(grey, np.uint8)
