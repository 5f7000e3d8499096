"""Whole radio map <-> bytes, by trained autoencoders: the rivals that send the finished map instead of its causes.

    grey -> encoder network -> symbols, whole numbers [C, h, w] -> bits -> decoder network -> grey

Every symbol takes the same number of bits, so the rate of a map is known before it is coded.
"""

from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from radiosem import weights
from radiosem.errors import FrameError, InputError, WeightsError
from radiosem.inference import Network, load_network

NAMES = ("map-ae", "map-vae", "map-vqvae")


class MapCodec(Protocol):
    """Turns a whole radio map into bytes and back."""

    @property
    def name(self) -> str:
        """Name in the registry."""

    def encode(self, grey: NDArray[np.uint8]) -> bytes:
        """Grey map, uint8 [H, W] -> bytes."""

    def decode(self, data: bytes, shape: tuple[int, int]) -> NDArray[np.float32]:
        """Bytes -> grey map, float32 [H, W] in [0, 1]; FrameError when they are not of that shape."""


class NeuralMapCodec:
    """Encoder network -> symbols packed in a fixed number of bits each -> decoder network.

    name    encoder and decoder are the manifest's `name`-encoder and `name`-decoder
    raises  WeightsError when a network is missing or altered, or its manifest entry lacks `bits_a_symbol`,
            `symbols_a_cell` or `stride`

    The networks are loaded at first use.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        weights.verified_path(f"{name}-encoder")
        entry = weights.entry(f"{name}-decoder")
        weights.verify(entry)
        self.bits_a_symbol = entry.whole("bits_a_symbol", 16)
        self.symbols_a_cell = entry.whole("symbols_a_cell", 256)
        self.stride = entry.whole("stride", 64)

    @cached_property
    def _encoder(self) -> Network:
        return load_network(f"{self.name}-encoder")

    @cached_property
    def _decoder(self) -> Network:
        return load_network(f"{self.name}-decoder")

    def symbol_shape(self, shape: tuple[int, int]) -> tuple[int, int, int]:
        """Symbols of a map of [H, W] pixels: C, h, w; a cell is `stride` pixels a side, and the last may hang over."""
        return self.symbols_a_cell, -(-shape[0] // self.stride), -(-shape[1] // self.stride)

    def bits(self, shape: tuple[int, int]) -> int:
        """Bits of a map of [H, W] pixels, before the last byte is filled up."""
        return int(np.prod(self.symbol_shape(shape))) * self.bits_a_symbol

    def encode(self, grey: NDArray[np.uint8]) -> bytes:
        """Grey map, uint8 [H, W] -> bytes; sides that the stride does not divide are extended by their last line.

        raises  InputError on another type or number of axes
        """
        if grey.dtype != np.uint8 or grey.ndim != 2 or not grey.size:
            raise InputError(f"grey is {grey.dtype} {grey.shape}; it must be uint8 [H, W]")
        _, rows, cols = self.symbol_shape((grey.shape[0], grey.shape[1]))
        margins = ((0, rows * self.stride - grey.shape[0]), (0, cols * self.stride - grey.shape[1]))
        padded = np.pad(grey, margins, mode="edge").astype(np.float32)[None, None] / np.float32(255)
        (levels,) = self._encoder(grey=padded)
        symbols = np.rint(levels).astype(np.int64).clip(0, (1 << self.bits_a_symbol) - 1)
        digits = symbols.reshape(-1, 1) >> np.arange(self.bits_a_symbol - 1, -1, -1) & 1
        return np.packbits(digits.astype(np.uint8)).tobytes()

    def decode(self, data: bytes, shape: tuple[int, int]) -> NDArray[np.float32]:
        """Bytes -> grey map, float32 [H, W] in [0, 1]; FrameError unless they are exactly those of such a map."""
        bits = self.bits(shape)
        if len(data) != -(-bits // 8):
            raise FrameError(f"{self.name} got {len(data)} bytes; a map of {shape[0]} x {shape[1]} has {-(-bits // 8)}")
        digits = np.unpackbits(np.frombuffer(data, np.uint8))[:bits].reshape(-1, self.bits_a_symbol)
        symbols = digits @ (1 << np.arange(self.bits_a_symbol - 1, -1, -1))
        (grey,) = self._decoder(symbols=symbols.astype(np.float32).reshape(1, *self.symbol_shape(shape)))
        return np.asarray(grey[0, 0, : shape[0], : shape[1]].clip(0, 1), np.float32)


def map_codec_names() -> tuple[str, ...]:
    """Names of the map codecs whose networks the manifest lists; none where there is no manifest."""
    try:
        listed = weights.entries()
    except WeightsError:
        return ()
    return tuple(name for name in NAMES if {f"{name}-encoder", f"{name}-decoder"} <= listed.keys())


def make_map_codec(name: str) -> MapCodec:
    """The map codec of that name; InputError on an unknown one, WeightsError when a network is missing or altered."""
    if name not in NAMES:
        raise InputError(f"map codec is {name!r}; it must be one of {', '.join(NAMES)}")
    return NeuralMapCodec(name)
