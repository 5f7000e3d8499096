"""Pixels of a mask that are known -> the probability that the next ones are building.

    the 12 nearest pixels are all free, or all building -> how often the next was building so far    -> probability
    else 94 pixels around -> 24 clipped ReLU units -> log odds, learned from cities       \\
                                                                                           + -> probability
         3 contexts of 12, 20 and 32 pixels -> a correction each, learned from this map   /

Four pixels in five lie among their like, and a count says as much of them as the network would. Of the others the
network knows what buildings look like anywhere; the corrections, steps of logistic regression taken while the map is
coded, learn the slopes of its own walls and cut the bits by another fifth.

Pixels go in fronts, front = col + 2 row: no pixel of a front looks at another of the same front, so array code predicts
and decodes a front at once. The template therefore reaches at most 2 d - 1 pixels to the right in the row d above.

Both ends must compute the same probability. All weights are whole numbers and every sum in the network stays below
2**24, so float32 is exact in whatever order a machine adds; the corrections are integers.
"""

import hashlib
from functools import lru_cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

FRONT_SLOPE = 2
# Template: columns first..last relative to the pixel, in the row d above it. Pixels outside the map count as free.
SPANS = {0: (-10, -1), 1: (-9, 1), 2: (-8, 3), 3: (-8, 5), 4: (-7, 7), 5: (-5, 7), 6: (-4, 6), 7: (-3, 4)}
TEMPLATE = [(d, col) for d, (first, last) in SPANS.items() for col in range(first, last + 1)]
MARGIN_TOP = max(SPANS)
MARGIN_LEFT = -min(first for first, _ in SPANS.values())
MARGIN_RIGHT = max(last for _, last in SPANS.values())

WEIGHT_SCALE, OUTPUT_SCALE = 64, 32  # whole-number weights per unit in the first and the second layer
UNIT_CEILING = 2047  # a unit is clipped here, i.e. at 32
_EXACT = 1 << 24  # float32 holds every whole number up to here

CONTEXT_PIXELS = (12, 20, 32)  # the nearest pixels of the template
NEAREST = sorted(range(len(TEMPLATE)), key=lambda i: (TEMPLATE[i][0] ** 2 + TEMPLATE[i][1] ** 2, TEMPLATE[i]))
ALIKE = NEAREST[: CONTEXT_PIXELS[0]]  # where these agree, no network is asked
# What a tally begins with: of so many pixels among free ones, and among building, so many were building. As in cities.
TALLY_SEEN, TALLY_BUILDING = 1024, (3, 1017)
_CONTEXT_STEPS = np.array([[2], [5], [6]])  # learning rates of 1/8, 5/16 and 3/8: the error is in 65536ths, 2**16
_ODDS_ONE = 1 << 20  # log odds of one nat
_TRUST_BITS = 16
_TRUST_ONE = 1 << _TRUST_BITS
_TRUST_STEP = 32  # learning rate 2**-12: errors are in 65536ths, log odds in _ODDS_ONE
_HASH, _HASH_BITS = 0x61C88647, 16
FRONTS_PER_LESSON = 8  # corrections are updated once for so many fronts: fewer and larger array operations

_STEPS_PER_NAT, _MAX_NATS = 32, 12
_SURE = _MAX_NATS * _STEPS_PER_NAT
_STEP_BITS = 15  # _ODDS_ONE / _STEPS_PER_NAT = 2**15


class MaskNetwork:
    """The learned part: float32 [95, N] of template pixels and a row of ones -> log odds and context numbers."""

    def __init__(self) -> None:
        with resources.files("radiosem.codecs").joinpath("context.npz").open("rb") as file, np.load(file) as tables:
            first, bias, self._second = tables["first"], tables["first_bias"], tables["second"].astype(np.float32)
            self._second_bias = int(tables["second_bias"])
        self._units = len(self._second)
        # The contexts' numbers come out of the same matrix product: each of their pixels weighs a power of two.
        digits = np.zeros((4, len(TEMPLATE) + 1))
        for row, begin, end in ((0, 0, 12), (1, 0, 20), (2, 0, 16), (3, 16, 32)):
            digits[row, NEAREST[begin:end]] = 2.0 ** np.arange(end - begin)
        self._matrix = np.vstack([np.column_stack([first.T, bias]), digits]).astype(np.float32)
        largest = max(float(np.abs(self._matrix).sum(axis=1).max()), float(np.abs(self._second).sum() * UNIT_CEILING))
        if largest >= _EXACT:
            raise ValueError(f"context.npz: sums may reach {largest:.0f}; float32 is exact below {_EXACT}")

    def digest(self) -> bytes:
        """SHA-256 of the weights."""
        arrays = (self._matrix, self._second, self._second_bias)
        return hashlib.sha256(b"".join(np.asarray(array, "<f8").tobytes() for array in arrays)).digest()

    def __call__(self, pixels: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Returns log odds int64 [N] in millionths of a nat, and places in the corrections' table int64 [3, N]."""
        sums = self._matrix @ pixels
        units = sums[: self._units]
        np.maximum(units, 0, out=units)
        np.minimum(units, UNIT_CEILING, out=units)
        odds = (self._second @ units).astype(np.int64)
        odds += self._second_bias
        odds *= _ODDS_ONE // (WEIGHT_SCALE * OUTPUT_SCALE)
        np.maximum(odds, -_MAX_NATS * _ODDS_ONE, out=odds)
        np.minimum(odds, _MAX_NATS * _ODDS_ONE, out=odds)
        numbers = sums[self._units :].astype(np.int64)
        numbers[2] += numbers[3] << 16
        places = numbers[:3]
        places *= _HASH
        places &= 0xFFFFFFFF
        places >>= 32 - _HASH_BITS
        places += _TABLE_BEGINS
        return odds, places


_TABLE_BEGINS = np.arange(len(CONTEXT_PIXELS))[:, None] << _HASH_BITS


@lru_cache(maxsize=1)
def mask_network() -> MaskNetwork:
    """The network both ends hold, read once."""
    return MaskNetwork()


def probability_table() -> NDArray[np.int64]:
    """Probability of building in 65536ths, never 0 or 1, for log odds from -12 to 12 nats in steps of 1/32."""
    nats = np.arange(-_SURE, _SURE + 1) / _STEPS_PER_NAT
    return np.clip(np.rint(65536 / (1 + np.exp(-nats))), 1, 65535).astype(np.int64)


def tallied(seen: NDArray[np.int64], building: NDArray[np.int64]) -> NDArray[np.int64]:
    """Probability of building in 65536ths, never 0 or 1, where of `seen` pixels so many were building."""
    return np.asarray(((building << 16) // seen).clip(1, 65535))


class Corrections:
    """What the map coded so far has taught: an addend to the log odds for every value of every context.

    And how far to trust the network, which is overconfident on masks that are no city, such as noise.
    """

    def __init__(self, probabilities: NDArray[np.int64]) -> None:
        self._probabilities = probabilities
        self._table = np.zeros(len(CONTEXT_PIXELS) << _HASH_BITS, np.int64)
        self._trust = _TRUST_ONE

    def predict(self, odds: NDArray[np.int64], places: NDArray[np.integer]) -> NDArray[np.int64]:
        """Probability of building in 65536ths, int64 [N]."""
        step = self._table.take(places).sum(axis=0)
        step += odds * self._trust >> _TRUST_BITS
        step >>= _STEP_BITS
        step += _SURE
        np.maximum(step, 0, out=step)
        np.minimum(step, 2 * _SURE, out=step)
        return np.asarray(self._probabilities.take(step))

    def learn(
        self,
        odds: NDArray[np.int64],
        places: NDArray[np.integer],
        probability: NDArray[np.int64],
        bits: NDArray[np.int64],
    ) -> None:
        """Move the trust and every correction that took part against the error they made."""
        error = (bits << 16) - probability
        told = int((error * odds).sum()) >> _TRUST_STEP
        self._trust = min(max(self._trust + told, 0), 2 * _TRUST_ONE)
        np.add.at(self._table, places.ravel(), (error * _CONTEXT_STEPS).ravel())
