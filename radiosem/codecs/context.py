"""Building mask <-> bits, lossless: an adaptive model predicts every pixel, a range coder writes the surprise.

The model is `mask_model`, the range coder is that of `constriction`, with probabilities in 65536ths.
"""

import hashlib
from collections.abc import Iterator
from functools import lru_cache

import constriction
import numpy as np
from numpy.typing import NDArray

from radiosem.codecs.mask_model import (
    FRONT_SLOPE,
    FRONTS_PER_LESSON,
    MARGIN_LEFT,
    MARGIN_RIGHT,
    MARGIN_TOP,
    SPANS,
    TEMPLATE,
    Corrections,
    mask_network,
    probability_table,
)
from radiosem.errors import FrameError, InputError
from radiosem.types import BuildingMap

_STRIP_ROWS = 32  # rows the encoder predicts at once: a working set that stays in cache


@lru_cache(maxsize=4)
def _coding_order(shape: tuple[int, int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Flat positions of the pixels front by front, and where in that list each lesson ends."""
    row, col = np.indices(shape).reshape(2, -1)
    front = col + FRONT_SLOPE * row
    ends = np.cumsum(np.bincount(front // FRONTS_PER_LESSON))
    return np.argsort(front, kind="stable"), ends


def _fronts(shape: tuple[int, int]) -> Iterator[tuple[int, int, int]]:
    """Front number, first row and end row of its pixels."""
    rows, cols = shape
    for front in range(cols + FRONT_SLOPE * (rows - 1)):
        yield front, max(0, -((cols - 1 - front) // FRONT_SLOPE)), min(rows, front // FRONT_SLOPE + 1)


class ContextCodec:
    """Lossless; a city block of 256 x 256 m costs 4 to 10 kbit."""

    name = "context"

    def __init__(self) -> None:
        self._network = mask_network()
        self._probabilities = probability_table()
        self._coder_model = constriction.stream.model.Bernoulli(perfect=False)
        # The table goes in as well: a machine that rounds it otherwise is refused by name and decodes nothing wrong.
        content = b"context 1" + self._network.digest() + self._probabilities.astype("<i8").tobytes()
        self.codec_id = hashlib.sha256(content).digest()[:4]

    def encode(self, mask: BuildingMap) -> bytes:
        """Bool [H, W] -> bytes; InputError on another type or number of axes."""
        mask = np.asarray(mask)
        if mask.dtype != np.bool_ or mask.ndim != 2:
            raise InputError(f"mask is {mask.dtype} with shape {mask.shape}; it must be bool [H, W]")
        order, ends = _coding_order((mask.shape[0], mask.shape[1]))
        odds, places = self._predict_all(mask)
        odds, places = odds[order], places[:, order]
        bits = mask.ravel()[order].astype(np.int64)
        probability = np.empty(mask.size, np.int64)
        corrections = Corrections(self._probabilities)
        begin = 0
        for end in ends.tolist():
            here = slice(begin, end)
            probability[here] = corrections.predict(odds[here], places[:, here])
            corrections.learn(odds[here], places[:, here], probability[here], bits[here])
            begin = end
        coder = constriction.stream.queue.RangeEncoder()
        coder.encode(bits.astype(np.int32), self._coder_model, probability / 65536)
        return bytes(coder.get_compressed().astype("<u4"))

    def _predict_all(self, mask: BuildingMap) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """What the network says of every pixel of a known mask: log odds [N] and places [3, N], in raster order."""
        rows, cols = mask.shape
        known = np.pad(mask, ((MARGIN_TOP, 0), (MARGIN_LEFT, MARGIN_RIGHT)))
        odds, places = np.empty((rows, cols), np.int64), np.empty((3, rows, cols), np.int32)
        pixels = np.ones((len(TEMPLATE) + 1, _STRIP_ROWS, cols), np.float32)
        for top in range(0, rows, _STRIP_ROWS):
            height = min(_STRIP_ROWS, rows - top)
            for i, (d, col) in enumerate(TEMPLATE):
                pixels[i, :height] = known[top + MARGIN_TOP - d :, MARGIN_LEFT + col :][:height, :cols]
            strip = self._network(pixels[:, :height].reshape(len(pixels), -1))
            odds[top : top + height] = strip[0].reshape(height, cols)
            places[:, top : top + height] = strip[1].reshape(3, height, cols)
        return odds.ravel(), places.reshape(3, -1)

    def decode(self, data: bytes, shape: tuple[int, int]) -> BuildingMap:
        """Bytes -> bool [H, W]; FrameError when they do not end where the map does."""
        if len(data) % 4:
            raise FrameError(f"mask section has {len(data)} bytes; the context code comes in words of 4")
        coder = constriction.stream.queue.RangeDecoder(np.frombuffer(data, "<u4").astype(np.uint32))
        rows, cols = shape
        # Stored by front and row, so that the template of a whole front is one slice a row of it.
        before = FRONT_SLOPE * MARGIN_TOP + MARGIN_LEFT
        fronts = np.zeros((before + cols + FRONT_SLOPE * rows + MARGIN_RIGHT, MARGIN_TOP + rows), np.float32)
        template = np.ones((len(TEMPLATE) + 1, rows), np.float32)
        corrections = Corrections(self._probabilities)
        lesson: list[tuple[NDArray[np.int64], ...]] = []
        try:
            for front, begin, end in _fronts(shape):
                count, line = 0, before + front
                for d, (first, last) in SPANS.items():
                    width = last + 1 - first
                    start = line - FRONT_SLOPE * d + first
                    template[count : count + width, : end - begin] = fronts[
                        start : start + width, MARGIN_TOP + begin - d : MARGIN_TOP + end - d
                    ]
                    count += width
                odds, places = self._network(template[:, : end - begin])
                probability = corrections.predict(odds, places)
                bits = coder.decode(self._coder_model, probability / 65536)
                fronts[line, MARGIN_TOP + begin : MARGIN_TOP + end] = bits
                lesson.append((odds, places, probability, bits))
                if front % FRONTS_PER_LESSON == FRONTS_PER_LESSON - 1:
                    corrections.learn(*(np.concatenate(part, axis=-1) for part in zip(*lesson, strict=True)))
                    lesson.clear()
        except (AssertionError, ValueError) as error:
            raise FrameError(f"mask section is not a context code: {error}") from None
        if not coder.maybe_exhausted():
            raise FrameError("mask section goes on after the last pixel")
        row, col = np.indices(shape)
        return np.asarray(fronts[before + col + FRONT_SLOPE * row, MARGIN_TOP + row] > 0)
