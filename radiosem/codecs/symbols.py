"""Whole numbers <-> bytes, by how often each was sent in training: what a learned codec puts on the air."""

import constriction
import numpy as np
from numpy.typing import NDArray

from radiosem.errors import FrameError, WeightsError
from radiosem.weights import WeightsEntry

_WORD_BYTES = 4  # the range coder writes words


def trained_counts(entry: WeightsEntry, key: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """How often each symbol was sent in training, plus one; all equal where the manifest does not say.

    key     name in the entry's meta table
    shape   of the counts; the last axis goes over the symbols
    raises  WeightsError naming the key when they are no counts of that shape
    """
    try:
        counts = np.asarray(entry.meta.get(key, np.zeros(shape)), np.float64)
    except (TypeError, ValueError):
        counts = np.full(1, np.nan)
    if counts.shape != shape or not np.isfinite(counts).all() or counts.min() < 0:
        raise WeightsError(f"{entry.name}: {key} must be {' x '.join(map(str, shape))} counts, none negative")
    return counts + 1


class SymbolCoder:
    """Range coder with fixed frequencies for each channel.

    counts  float64 [C, L], positive: how often each of L symbols is expected in each of C channels
    """

    def __init__(self, counts: NDArray[np.float64]) -> None:
        shares = counts / counts.sum(1, keepdims=True)
        self._models = [constriction.stream.model.Categorical(share, perfect=False) for share in shares]

    def encode(self, symbols: NDArray[np.int64]) -> bytes:
        """Symbols in 0..L-1, int64 [C, N] -> bytes."""
        coder = constriction.stream.queue.RangeEncoder()
        for channel, model in zip(symbols.astype(np.int32), self._models, strict=True):
            coder.encode(channel, model)
        return bytes(coder.get_compressed().astype("<u4"))

    def decode(self, data: bytes, count: int) -> NDArray[np.int64]:
        """Bytes -> int64 [C, count]; FrameError when they do not end with the last symbol."""
        if len(data) % _WORD_BYTES:
            raise FrameError(f"section has {len(data)} bytes; symbols come in words of {_WORD_BYTES}")
        coder = constriction.stream.queue.RangeDecoder(np.frombuffer(data, "<u4").astype(np.uint32))
        try:
            symbols = np.stack([coder.decode(model, count) for model in self._models])
        except (AssertionError, ValueError) as error:
            raise FrameError(f"section holds no symbols: {error}") from None
        if not coder.maybe_exhausted():
            raise FrameError("section goes on after the last symbol")
        return symbols.astype(np.int64)
