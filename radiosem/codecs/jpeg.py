"""Building mask <-> the scan of a small grey JPEG, whose headers and tables both ends already share."""

import hashlib
from functools import lru_cache

import cv2
import numpy as np

from radiosem.codecs.scan import decode_scan, encode_scan, header, shrunk
from radiosem.errors import FrameError, InputError
from radiosem.types import BuildingMap

SCALES = (1, 2, 4)  # the image is the mask shrunk by this factor
MAX_QUALITY = 85  # so that scale and quality share one byte


@lru_cache(maxsize=1)
def _codec_id() -> bytes:
    tables = b"".join(header((8, 8), quality) for quality in range(1, MAX_QUALITY + 1))
    return hashlib.sha256(b"jpeg 1 " + repr(SCALES).encode() + tables).digest()[:4]


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
        rows, cols = shrunk(mask.shape, self.scale)
        margins = ((0, rows * self.scale - mask.shape[0]), (0, cols * self.scale - mask.shape[1]))
        grey = np.pad(mask, margins, mode="edge").astype(np.uint8) * np.uint8(255)
        small = np.asarray(cv2.resize(grey, (cols, rows), interpolation=cv2.INTER_AREA), np.uint8)
        return bytes([SCALES.index(self.scale) * MAX_QUALITY + self.quality - 1]) + encode_scan(small, self.quality)

    def decode(self, data: bytes, shape: tuple[int, int]) -> BuildingMap:
        """Bytes -> bool [H, W]; FrameError unless they are one byte of options and one scan without markers."""
        if len(data) < 2 or data[0] >= len(SCALES) * MAX_QUALITY:
            raise FrameError(f"mask section is no JPEG scan: {len(data)} bytes, options {data[:1].hex() or 'missing'}")
        scale, quality = SCALES[data[0] // MAX_QUALITY], data[0] % MAX_QUALITY + 1
        rows, cols = shrunk(shape, scale)
        grey = decode_scan(data[1:], (rows, cols), quality)
        full = cv2.resize(grey, (cols * scale, rows * scale), interpolation=cv2.INTER_LINEAR)
        return np.asarray(full[: shape[0], : shape[1]] > 127)
