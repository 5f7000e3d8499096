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
    ALIKE,
    CONTEXT_PIXELS,
    FRONT_SLOPE,
    FRONTS_PER_LESSON,
    MARGIN_LEFT,
    MARGIN_RIGHT,
    MARGIN_TOP,
    SPANS,
    TALLY_BUILDING,
    TALLY_SEEN,
    TEMPLATE,
    Corrections,
    mask_network,
    probability_table,
    tallied,
)
from radiosem.errors import FrameError, InputError
from radiosem.types import BuildingMap

_BATCH = 4096  # pixels the encoder predicts at once: a working set that stays in cache


@lru_cache(maxsize=4)
def _coding_order(shape: tuple[int, int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Flat positions of the pixels front by front, and the lesson in which each of them is."""
    row, col = np.indices(shape).reshape(2, -1)
    front = col + FRONT_SLOPE * row
    order = np.argsort(front, kind="stable")
    return order, front[order] // FRONTS_PER_LESSON


def _fronts(shape: tuple[int, int]) -> Iterator[tuple[int, int, int]]:
    """Front number, first row and end row of its pixels."""
    rows, cols = shape
    for front in range(cols + FRONT_SLOPE * (rows - 1)):
        yield front, max(0, -((cols - 1 - front) // FRONT_SLOPE)), min(rows, front // FRONT_SLOPE + 1)


class ContextCodec:
    """Lossless; a city block of 256 x 256 m costs 4 to 10 kbit."""

    name = "context"
    lossless = True

    def __init__(self) -> None:
        self._network = mask_network()
        self._probabilities = probability_table()
        self._coder_model = constriction.stream.model.Bernoulli(perfect=False)
        # The table goes in as well: a machine that rounds it otherwise is refused by name and decodes nothing wrong.
        content = b"context 2" + self._network.digest() + self._probabilities.astype("<i8").tobytes()
        self.codec_id = hashlib.sha256(content).digest()[:4]

    def encode(self, mask: BuildingMap) -> bytes:
        """Bool [H, W] -> bytes; InputError on another type or number of axes."""
        mask = np.asarray(mask)
        if mask.dtype != np.bool_ or mask.ndim != 2:
            raise InputError(f"mask is {mask.dtype} with shape {mask.shape}; it must be bool [H, W]")
        order, lesson = _coding_order((mask.shape[0], mask.shape[1]))
        known = np.pad(mask, ((MARGIN_TOP, 0), (MARGIN_LEFT, MARGIN_RIGHT))).view(np.uint8)
        bits = mask.ravel()[order].astype(np.int64)
        building_near = _building_near(known, mask.shape).ravel()[order]
        probability = np.empty(mask.size, np.int64)
        for among, near in enumerate((0, len(ALIKE))):
            alike = np.flatnonzero(building_near == near)
            probability[alike] = _tally(among, lesson[alike], bits[alike])
        mixed = np.flatnonzero((building_near > 0) & (building_near < len(ALIKE)))
        probability[mixed] = self._corrected(known, order[mixed], lesson[mixed], bits[mixed], mask.shape[1])
        coder = constriction.stream.queue.RangeEncoder()
        coder.encode(bits.astype(np.int32), self._coder_model, probability / 65536)
        return bytes(coder.get_compressed().astype("<u4"))

    def _corrected(
        self,
        known: NDArray[np.uint8],
        places: NDArray[np.int64],
        lesson: NDArray[np.int64],
        bits: NDArray[np.int64],
        cols: int,
    ) -> NDArray[np.int64]:
        """Probability of the pixels at flat `places` of a mask that is known, lesson by lesson."""
        row, col = np.divmod(places, cols)
        at = (row + MARGIN_TOP) * known.shape[1] + MARGIN_LEFT + col
        offsets = np.array([dx - d * known.shape[1] for d, dx in TEMPLATE])
        odds, contexts = np.empty(len(at), np.int64), np.empty((len(CONTEXT_PIXELS), len(at)), np.int64)
        for begin in range(0, len(at), _BATCH):
            here = slice(begin, begin + _BATCH)
            odds[here], contexts[:, here] = self._network(_template(known, offsets, at[here]))
        probability = np.empty(len(at), np.int64)
        corrections = Corrections(self._probabilities)
        begin = 0
        for end in (np.flatnonzero(np.diff(lesson, append=-1)) + 1).tolist():
            here = slice(begin, end)
            probability[here] = corrections.predict(odds[here], contexts[:, here])
            corrections.learn(odds[here], contexts[:, here], probability[here], bits[here])
            begin = end
        return probability

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
        seen, building = np.full(2, TALLY_SEEN), np.array(TALLY_BUILDING)
        free, built = tallied(seen, building)
        mixed_lesson: list[tuple[NDArray[np.int64], ...]] = []
        alike_lesson: list[tuple[NDArray[np.float32], NDArray[np.int64]]] = []
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
                near = template[ALIKE, : end - begin].sum(axis=0)
                mixed = np.flatnonzero((near > 0) & (near < len(ALIKE)))
                odds, contexts = self._network(template.take(mixed, axis=1))
                probability = np.where(near > 0, built, free)
                probability[mixed] = corrections.predict(odds, contexts)
                bits = coder.decode(self._coder_model, probability / 65536)
                fronts[line, MARGIN_TOP + begin : MARGIN_TOP + end] = bits
                mixed_lesson.append((odds, contexts, probability[mixed], bits[mixed]))
                alike_lesson.append((near, bits))
                if front % FRONTS_PER_LESSON == FRONTS_PER_LESSON - 1:
                    corrections.learn(*(np.concatenate(part, axis=-1) for part in zip(*mixed_lesson, strict=True)))
                    neighbours, told = (np.concatenate(part) for part in zip(*alike_lesson, strict=True))
                    for among, count in enumerate((0, len(ALIKE))):
                        alike = told[neighbours == count]
                        seen[among] += len(alike)
                        building[among] += alike.sum()
                    free, built = tallied(seen, building)
                    mixed_lesson.clear()
                    alike_lesson.clear()
        except (AssertionError, ValueError) as error:
            raise FrameError(f"mask section is not a context code: {error}") from None
        if not coder.maybe_exhausted():
            raise FrameError("mask section goes on after the last pixel")
        row, col = np.indices(shape)
        return np.asarray(fronts[before + col + FRONT_SLOPE * row, MARGIN_TOP + row] > 0)


def _building_near(known: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """How many of the pixels in ALIKE are building, uint8 [H, W], of a mask with its margins."""
    rows, cols = shape
    total = np.zeros(shape, np.uint8)
    for d, dx in (TEMPLATE[i] for i in ALIKE):
        total += known[MARGIN_TOP - d : MARGIN_TOP - d + rows, MARGIN_LEFT + dx : MARGIN_LEFT + dx + cols]
    return total


def _tally(among: int, lesson: NDArray[np.int64], bits: NDArray[np.int64]) -> NDArray[np.int64]:
    """Probability of pixels that lie all `among` free ones (0) or building (1), by the lessons before theirs."""
    seen = np.bincount(lesson)
    building = np.bincount(lesson, bits).astype(np.int64)
    before = TALLY_SEEN + np.cumsum(seen) - seen, TALLY_BUILDING[among] + np.cumsum(building) - building
    return np.asarray(tallied(*before)[lesson])


def _template(pixels: NDArray[np.uint8], offsets: NDArray[np.int64], at: NDArray[np.int64]) -> NDArray[np.float32]:
    """The pixels around those at flat places `at`, and a row of ones: float32 [95, N]."""
    around = np.ones((len(offsets) + 1, len(at)), np.float32)
    around[:-1] = pixels.take(offsets[:, None] + at)
    return around
