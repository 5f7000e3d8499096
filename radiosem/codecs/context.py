"""Building mask <-> bits, lossless: a small learned network predicts every pixel, a range coder writes what it missed.

    91 pixels already known -> 32 clipped ReLU units -> log odds of "building" -> range coder (`constriction`)

Pixels go in wavefronts: with front t = col + 3 row, no pixel of a front looks at another of the same front, so a whole
front is predicted and decoded at once. That is what lets array code decode a map in tens of milliseconds. The template
therefore reaches up to 3 d - 1 pixels to the right in the row d above.

Both ends must compute the very same probability. All weights are whole numbers, and every sum in the network stays
below 2**24, so float32 arithmetic is exact in whatever order a machine adds. The table of probabilities is part of the
codec id, so a machine that rounded it differently would be refused by name instead of decoding something else.
"""

import hashlib
from functools import lru_cache
from importlib import resources

import constriction
import numpy as np
from numpy.typing import NDArray

from radiosem.errors import FrameError, InputError
from radiosem.types import BuildingMap

# Template: columns first..last relative to the pixel, in the row `d` above it.
SPANS = {0: (-10, -1), 1: (-8, 2), 2: (-8, 5), 3: (-8, 8), 4: (-6, 8), 5: (-4, 6), 6: (-3, 4), 7: (-2, 2)}
FRONT_SLOPE = 3
MARGIN_TOP, MARGIN_LEFT, MARGIN_RIGHT = max(SPANS), 10, 8  # pixels outside the map count as free

WEIGHT_SCALE = 64  # whole-number weights per unit, both layers' inputs
UNIT_CEILING = 2047  # a unit's value is clipped here, i.e. at 32
OUTPUT_SCALE = 32  # whole-number weights of the second layer per unit
STEPS_PER_NAT, MAX_NATS = 32, 12
_EXACT = 1 << 24  # float32 holds every whole number up to here
_STRIP_ROWS = 32  # rows predicted at once by the encoder: a working set that stays in cache


def template_offsets(stride: int) -> NDArray[np.int64]:
    """Flat offsets of the template's pixels in an image of `stride` columns, row by row upwards. int64 [91]."""
    return np.array([col - d * stride for d, (first, last) in SPANS.items() for col in range(first, last + 1)])


@lru_cache(maxsize=4)
def _fronts(shape: tuple[int, int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Flat positions of the pixels front by front, and where in that list each front ends."""
    row, col = np.indices(shape).reshape(2, -1)
    front = col + FRONT_SLOPE * row
    return np.argsort(front, kind="stable"), np.cumsum(np.bincount(front))


class _Predictor:
    """The network in whole numbers: template pixels -> probability that the pixel is building."""

    def __init__(self) -> None:
        with resources.files("radiosem.codecs").joinpath("context.npz").open("rb") as file, np.load(file) as tables:
            self.first = tables["first"].astype(np.float32)  # [91, 32]
            self.first_bias = tables["first_bias"].astype(np.float32)  # [32]
            self.second = tables["second"].astype(np.float32)  # [32]
            self.second_bias = np.float32(tables["second_bias"])
        nats = np.arange(-MAX_NATS * STEPS_PER_NAT, MAX_NATS * STEPS_PER_NAT + 1) / STEPS_PER_NAT
        self.probability = np.clip(np.rint(65536 / (1 + np.exp(-nats))), 1, 65535) / 65536
        largest = max(
            float(np.abs(self.first).sum(axis=0).max() + np.abs(self.first_bias).max()),
            float(np.abs(self.second).sum() * UNIT_CEILING + abs(self.second_bias)),
        )
        if largest >= _EXACT:
            raise ValueError(f"context.npz: sums may reach {largest:.0f}; float32 is exact below {_EXACT}")

    def digest(self) -> bytes:
        arrays = (self.first, self.first_bias, self.second, self.second_bias, self.probability)
        return hashlib.sha256(b"".join(np.asarray(a, "<f8").tobytes() for a in arrays)).digest()

    def __call__(self, pixels: NDArray[np.float32]) -> NDArray[np.float64]:
        """float32 [N, 91] of 0 and 1 -> float64 [N]."""
        units = pixels @ self.first
        units += self.first_bias
        np.clip(units, 0, UNIT_CEILING, out=units)
        odds = units @ self.second
        odds += self.second_bias
        step = np.floor(odds * np.float32(STEPS_PER_NAT / (WEIGHT_SCALE * OUTPUT_SCALE))).astype(np.int64)
        limit = MAX_NATS * STEPS_PER_NAT
        return np.asarray(self.probability.take(np.clip(step, -limit, limit) + limit))


@lru_cache(maxsize=1)
def _predictor() -> _Predictor:
    return _Predictor()


class ContextCodec:
    """Lossless; a city block of 256 x 256 m costs about 5 kbit."""

    name = "context"

    def __init__(self) -> None:
        self._predict = _predictor()
        self._model = constriction.stream.model.Bernoulli(perfect=False)
        layout = f"context 1 {SPANS} {FRONT_SLOPE} {STEPS_PER_NAT} {WEIGHT_SCALE} {OUTPUT_SCALE} {UNIT_CEILING}"
        self.codec_id = hashlib.sha256(layout.encode() + self._predict.digest()).digest()[:4]

    def encode(self, mask: BuildingMap) -> bytes:
        """Bool [H, W] -> bytes; InputError on another type or number of axes."""
        mask = np.asarray(mask)
        if mask.dtype != bool or mask.ndim != 2:
            raise InputError(f"mask is {mask.dtype} with shape {mask.shape}; it must be bool [H, W]")
        rows, cols = mask.shape
        known = np.pad(mask, ((MARGIN_TOP, 0), (MARGIN_LEFT, MARGIN_RIGHT))).astype(np.float32)
        probability = np.empty(mask.shape)
        for top in range(0, rows, _STRIP_ROWS):
            height = min(_STRIP_ROWS, rows - top)
            pixels = [
                known[top + MARGIN_TOP - d :][:height, MARGIN_LEFT + col :][:, :cols]
                for d, (first, last) in SPANS.items()
                for col in range(first, last + 1)
            ]
            probability[top : top + height] = self._predict(np.stack(pixels).reshape(len(pixels), -1).T).reshape(
                -1, cols
            )
        order, _ = _fronts((rows, cols))
        coder = constriction.stream.queue.RangeEncoder()
        coder.encode(mask.ravel()[order].astype(np.int32), self._model, probability.ravel()[order])
        return bytes(coder.get_compressed().astype("<u4"))

    def decode(self, data: bytes, shape: tuple[int, int]) -> BuildingMap:
        """Bytes -> bool [H, W]; FrameError when they do not end where the map does."""
        if len(data) % 4:
            raise FrameError(f"mask section has {len(data)} bytes; the context code comes in words of 4")
        rows, cols = shape
        stride = MARGIN_LEFT + cols + MARGIN_RIGHT
        known = np.zeros((MARGIN_TOP + rows) * stride, np.float32)
        order, ends = _fronts(shape)
        place = order // cols * stride + order % cols + MARGIN_TOP * stride + MARGIN_LEFT
        offsets = template_offsets(stride)
        coder = constriction.stream.queue.RangeDecoder(np.frombuffer(data, "<u4").astype(np.uint32))
        begin = 0
        try:
            for end in ends.tolist():
                here = place[begin:end]
                probability = self._predict(known.take(here[:, None] + offsets))
                known[here] = coder.decode(self._model, probability)
                begin = end
        except (AssertionError, ValueError) as error:
            raise FrameError(f"mask section is not a context code: {error}") from None
        if not coder.maybe_exhausted():
            raise FrameError("mask section goes on after the last pixel")
        grid = known.reshape(-1, stride)[MARGIN_TOP:, MARGIN_LEFT : MARGIN_LEFT + cols]
        return np.asarray(grid > 0)
