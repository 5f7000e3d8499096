"""Whole radio map <-> bytes, by trained autoencoders: the rivals that send the finished map instead of its causes.

    grey -> encoder network -> symbols, whole numbers [C, h, w] -> range coder -> decoder network -> grey

The range coder expects every symbol as often as training maps had it in its channel.
"""

from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from radiosem import weights
from radiosem.codecs.symbols import SymbolCoder, trained_counts
from radiosem.errors import InputError, WeightsError
from radiosem.inference import Network, load_network

NAMES = ("map-ae", "map-vae", "map-vqvae", "map-ae-fine")
COUNTS = "symbol_counts"  # in the manifest: of every channel, how often training maps had each symbol


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
    """Encoder network -> range coder with the symbols' frequencies in training -> decoder network.

    name    encoder and decoder are the manifest's `name`-encoder and `name`-decoder
    raises  WeightsError when a network is missing or altered, or the decoder's manifest entry lacks `bits_a_symbol`,
            `symbols_a_cell` or `stride`, or its `symbol_counts` are no counts a channel and symbol

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
        self._coder = SymbolCoder(trained_counts(entry, COUNTS, (self.symbols_a_cell, 1 << self.bits_a_symbol)))

    @cached_property
    def _encoder(self) -> Network:
        return load_network(f"{self.name}-encoder")

    @cached_property
    def _decoder(self) -> Network:
        return load_network(f"{self.name}-decoder")

    def symbol_shape(self, shape: tuple[int, int]) -> tuple[int, int, int]:
        """Symbols of a map of [H, W] pixels: C, h, w; a cell is `stride` pixels a side, and the last may hang over."""
        return self.symbols_a_cell, -(-shape[0] // self.stride), -(-shape[1] // self.stride)

    def symbols(self, grey: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Grey map, uint8 [H, W] -> symbols [C, h, w]; sides that the stride does not divide are extended.

        raises  InputError on another type or number of axes
        """
        if grey.dtype != np.uint8 or grey.ndim != 2 or not grey.size:
            raise InputError(f"grey is {grey.dtype} {grey.shape}; it must be uint8 [H, W]")
        _, rows, cols = self.symbol_shape((grey.shape[0], grey.shape[1]))
        margins = ((0, rows * self.stride - grey.shape[0]), (0, cols * self.stride - grey.shape[1]))
        padded = np.pad(grey, margins, mode="edge").astype(np.float32)[None, None] / np.float32(255)
        (levels,) = self._encoder(grey=padded)
        return np.asarray(np.rint(levels[0]).clip(0, (1 << self.bits_a_symbol) - 1), np.int64)

    def encode(self, grey: NDArray[np.uint8]) -> bytes:
        """Grey map, uint8 [H, W] -> bytes. raises InputError as `symbols`"""
        return self._coder.encode(self.symbols(grey).reshape(self.symbols_a_cell, -1))

    def decode(self, data: bytes, shape: tuple[int, int]) -> NDArray[np.float32]:
        """Bytes -> grey map, float32 [H, W] in [0, 1]; FrameError when they do not end with its last symbol."""
        channels, rows, cols = self.symbol_shape(shape)
        symbols = self._coder.decode(data, rows * cols).reshape(1, channels, rows, cols)
        (grey,) = self._decoder(symbols=symbols.astype(np.float32))
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
