"""Whole radio maps <-> bytes: what the papers compare semantics with, from raw pixels to learned autoencoders.

A payload is the coded map alone: both ends know sender, setting, size and scale beforehand, which favours it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from radiosem.codecs.maps import make_map_codec, map_codec_names
from radiosem.codecs.scan import decode_scan, encode_scan, shrunk
from radiosem.errors import FrameError, InputError

Grey8 = NDArray[np.uint8]  # [H, W], 0 inside buildings and at or below the floor

RAW_MAP, PNG_MAP = "raw-map", "png-map"


class MapSender(Protocol):
    """Turns a grey map into bytes and back."""

    @property
    def name(self) -> str:
        """Name in rows and figures."""

    @property
    def family(self) -> str:
        """Senders of one family are points of one rate-error curve."""

    def encode(self, grey: Grey8) -> bytes:
        """uint8 [H, W] -> bytes."""

    def decode(self, data: bytes, shape: tuple[int, int]) -> NDArray[np.float32]:
        """Bytes -> float32 [H, W] in [0, 1]; FrameError when they are no map of this shape."""


@dataclass(frozen=True)
class RawMap:
    """Every pixel as a byte (type 1)."""

    name: str = RAW_MAP
    family: str = RAW_MAP

    def encode(self, grey: Grey8) -> bytes:
        """uint8 [H, W] -> bytes."""
        return grey.tobytes()

    def decode(self, data: bytes, shape: tuple[int, int]) -> NDArray[np.float32]:
        """Bytes -> float32 [H, W] in [0, 1]."""
        if len(data) != math.prod(shape):
            raise FrameError(f"raw map has {len(data)} bytes; {shape[0]} x {shape[1]} pixels take {math.prod(shape)}")
        return _unit(np.frombuffer(data, np.uint8).reshape(shape))


@dataclass(frozen=True)
class PngMap:
    """The map without loss, as a PNG file (type 1)."""

    name: str = PNG_MAP
    family: str = PNG_MAP

    def encode(self, grey: Grey8) -> bytes:
        """uint8 [H, W] -> bytes."""
        done, stream = cv2.imencode(".png", grey, (cv2.IMWRITE_PNG_COMPRESSION, 9))
        if not done:
            raise InputError(f"map of shape {grey.shape} cannot be written as PNG")
        return stream.tobytes()

    def decode(self, data: bytes, shape: tuple[int, int]) -> NDArray[np.float32]:
        """Bytes -> float32 [H, W] in [0, 1]."""
        grey = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
        if grey is None or grey.shape != shape:
            raise FrameError(f"{self.name}: {len(data)} bytes are no image of {shape[0]} x {shape[1]} pixels")
        return _unit(grey)


@dataclass(frozen=True)
class JpegMap:
    """The map as a grey JPEG, shrunk by `scale` (type 1); only its scan is sent, since both ends know the headers."""

    scale: int
    quality: int
    family: str = "jpeg-map"

    @property
    def name(self) -> str:
        """Name in rows and figures."""
        return f"jpeg-map 1/{self.scale} q{self.quality}"

    def encode(self, grey: Grey8) -> bytes:
        """uint8 [H, W] -> bytes."""
        rows, cols = shrunk(grey.shape, self.scale)
        small = np.asarray(cv2.resize(grey, (cols, rows), interpolation=cv2.INTER_AREA), np.uint8)
        return encode_scan(small, self.quality)

    def decode(self, data: bytes, shape: tuple[int, int]) -> NDArray[np.float32]:
        """Bytes -> float32 [H, W] in [0, 1], enlarged bilinearly."""
        grey = decode_scan(data, shrunk(shape, self.scale), self.quality)
        return _unit(cv2.resize(grey, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR))


def _unit(grey: NDArray[Any]) -> NDArray[np.float32]:
    """Grey in 0..255 -> 0..1."""
    return np.asarray(grey, np.float32) / np.float32(255)


class LearnedMap:
    """A trained autoencoder of the whole map (type 2), as the product holds it: a name of `radiosem.codecs.maps`."""

    def __init__(self, name: str) -> None:
        self.name = self.family = name
        self._codec = make_map_codec(name)

    def encode(self, grey: Grey8) -> bytes:
        """uint8 [H, W] -> bytes."""
        return self._codec.encode(grey)

    def decode(self, data: bytes, shape: tuple[int, int]) -> NDArray[np.float32]:
        """Bytes -> float32 [H, W] in [0, 1]."""
        return self._codec.decode(data, shape)


def map_sender_names() -> tuple[str, ...]:
    """Names that `make_map_senders` knows."""
    return (RAW_MAP, PNG_MAP, "jpeg-map", *map_codec_names())


def make_map_senders(name: str, qualities: Sequence[int], scales: Sequence[int]) -> tuple[MapSender, ...]:
    """Every setting of a map sender: JPEG has one a scale and quality, the others have one.

    raises  InputError on an unknown name, WeightsError on networks that cannot be used
    """
    if name == RAW_MAP:
        return (RawMap(),)
    if name == PNG_MAP:
        return (PngMap(),)
    if name == "jpeg-map":
        return tuple(JpegMap(scale, quality) for scale in scales for quality in qualities)
    if name in map_codec_names():
        return (LearnedMap(name),)
    raise InputError(f"map sender is {name!r}; known are {', '.join(map_sender_names())}")
