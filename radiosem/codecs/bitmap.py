"""Building mask <-> one bit a pixel: what a mask costs uncoded, and how a link that codes masks itself takes it."""

import hashlib

import numpy as np

from radiosem.errors import FrameError, InputError
from radiosem.types import BuildingMap


def bitmap_bytes(shape: tuple[int, int]) -> int:
    """Bytes of a mask of [H, W] pixels."""
    return -(-shape[0] * shape[1] // 8)


class BitmapCodec:
    """Lossless and plain: rows from north to south, eight pixels a byte, the first in its top bit."""

    name = "bitmap"
    lossless = True
    codec_id = hashlib.sha256(b"bitmap 1").digest()[:4]

    def encode(self, mask: BuildingMap) -> bytes:
        """Bool [H, W] -> bytes; InputError on another type or number of axes."""
        mask = np.asarray(mask)
        if mask.dtype != np.bool_ or mask.ndim != 2:
            raise InputError(f"mask is {mask.dtype} with shape {mask.shape}; it must be bool [H, W]")
        return np.packbits(mask).tobytes()

    def decode(self, data: bytes, shape: tuple[int, int]) -> BuildingMap:
        """Bytes -> bool [H, W]; FrameError unless they are one bit a pixel, filled up with zeros."""
        if len(data) != bitmap_bytes(shape):
            raise FrameError(
                f"mask section has {len(data)} bytes; a bitmap of {shape[0]} x {shape[1]} has {bitmap_bytes(shape)}"
            )
        bits = np.unpackbits(np.frombuffer(data, np.uint8))
        size = shape[0] * shape[1]
        if bits[size:].any():
            raise FrameError("mask section goes on after the last pixel")
        return bits[:size].reshape(shape).astype(np.bool_)
