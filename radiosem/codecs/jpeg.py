"""Building mask <-> the entropy-coded scan of a small grey JPEG, whose headers and tables both ends already share."""

import hashlib
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from radiosem.errors import FrameError, InputError
from radiosem.types import BuildingMap

SCALES = (1, 2, 4)  # the image is the mask shrunk by this factor
MAX_QUALITY = 85  # so that scale and quality share one byte
_END_OF_IMAGE = b"\xff\xd9"
_START_OF_SCAN = b"\xff\xda"


def _jpeg(grey: NDArray[np.uint8], quality: int) -> bytes:
    """Baseline JPEG (ITU-T T.81) with the standard Huffman tables of its annex K, no restart markers."""
    options = (cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_OPTIMIZE, 0, cv2.IMWRITE_JPEG_PROGRESSIVE, 0)
    done, stream = cv2.imencode(".jpg", grey, options)
    if not done:
        raise InputError(f"mask of shape {grey.shape} cannot be written as JPEG")
    return stream.tobytes()


@lru_cache(maxsize=256)
def _header(shape: tuple[int, int], quality: int) -> bytes:
    """Everything before the scan, which depends on the size and the quality alone."""
    stream = _jpeg(np.zeros(shape, np.uint8), quality)
    scan = stream.rindex(_START_OF_SCAN)
    return stream[: scan + 2 + int.from_bytes(stream[scan + 2 : scan + 4], "big")]


@lru_cache(maxsize=1)
def _codec_id() -> bytes:
    tables = b"".join(_header((8, 8), quality) for quality in range(1, MAX_QUALITY + 1))
    return hashlib.sha256(b"jpeg 1 " + repr(SCALES).encode() + tables).digest()[:4]


def _image_shape(shape: tuple[int, int], scale: int) -> tuple[int, int]:
    rows, cols = shape
    return -(-rows // scale), -(-cols // scale)


class JpegCodec:
    """Lossy, the comparison code: the mask as a grey image, thresholded at half by the receiver.

    scale    1, 2 or 4: the side of the mask over the side of the image
    quality  1..85, of the usual scaling of the standard's quantisation table
    raises   InputError on other values

    The first byte carries both, so any receiver decodes any setting.
    """

    name = "jpeg"
    lossless = False

    def __init__(self, scale: int = 2, quality: int = 10) -> None:
        if scale not in SCALES:
            raise InputError(f"jpeg scale is {scale}; it must be one of {SCALES}")
        if not 1 <= quality <= MAX_QUALITY:
            raise InputError(f"jpeg quality is {quality}; it must lie in 1..{MAX_QUALITY}")
        self.scale, self.quality = scale, quality
        self.codec_id = _codec_id()

    def encode(self, mask: BuildingMap) -> bytes:
        """Bool [H, W] -> bytes."""
        rows, cols = _image_shape(mask.shape, self.scale)
        margins = ((0, rows * self.scale - mask.shape[0]), (0, cols * self.scale - mask.shape[1]))
        grey = np.pad(mask, margins, mode="edge").astype(np.uint8) * np.uint8(255)
        small = np.asarray(cv2.resize(grey, (cols, rows), interpolation=cv2.INTER_AREA), np.uint8)
        header = _header((rows, cols), self.quality)
        scan = _jpeg(small, self.quality).removeprefix(header).removesuffix(_END_OF_IMAGE)
        return bytes([SCALES.index(self.scale) * MAX_QUALITY + self.quality - 1]) + scan

    def decode(self, data: bytes, shape: tuple[int, int]) -> BuildingMap:
        """Bytes -> bool [H, W]; FrameError unless they are one byte of options and one scan without markers."""
        if len(data) < 2 or data[0] >= len(SCALES) * MAX_QUALITY:
            raise FrameError(f"mask section is no JPEG scan: {len(data)} bytes, options {data[:1].hex() or 'missing'}")
        scale, quality = SCALES[data[0] // MAX_QUALITY], data[0] % MAX_QUALITY + 1
        scan = data[1:]
        # Without markers the scan cannot bring another image size, tables or scans: the shared header bounds the work.
        if scan.count(b"\xff") != scan.count(b"\xff\x00"):
            raise FrameError("mask section is no JPEG scan: it holds a marker")
        rows, cols = _image_shape(shape, scale)
        stream = _header((rows, cols), quality) + scan + _END_OF_IMAGE
        try:
            grey = cv2.imdecode(np.frombuffer(stream, np.uint8), cv2.IMREAD_GRAYSCALE)
        except cv2.error:
            grey = None
        if grey is None or grey.shape != (rows, cols):
            raise FrameError("mask section is no JPEG scan: the image cannot be decoded")
        full = cv2.resize(grey, (cols * scale, rows * scale), interpolation=cv2.INTER_LINEAR)
        return np.asarray(full[: shape[0], : shape[1]] > 127)
