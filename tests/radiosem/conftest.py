"""Small grey maps to score, and their scale; and a PNG whose header claims anything."""

import struct
import zlib

import numpy as np

from radiosem.scale import Scale

SIDE = 32
SCALE = Scale("test", floor_db=-150.0, top_db=-50.0)  # one grey is 100 dB
NO_BUILDINGS = np.zeros((SIDE, SIDE), bool)


def flat(value: float) -> np.ndarray:
    return np.full((SIDE, SIDE), value)


def corner(rows: int, cols: int) -> np.ndarray:
    mask = np.zeros((SIDE, SIDE), bool)
    mask[:rows, :cols] = True
    return mask


def noise(seed: int, shape: tuple[int, int] = (SIDE, SIDE)) -> np.ndarray:
    return np.random.default_rng(seed).random(shape)


def png_claiming(width: int, height: int) -> bytes:
    """An 8-bit grey PNG of a header of these sides and hardly a pixel."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(9))) + chunk(b"IEND", b"")
