"""Bits -> unit-energy complex symbols, and noisy symbols -> log-likelihood ratios."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from radiosem.errors import InputError

# A receiver saturates: beyond this amplitude (mean symbol energy is 1) a sample says no more than its sign.
SATURATION = 100.0


@dataclass(frozen=True)
class Modulation:
    """Square QAM with the Gray map of 3GPP TS 38.211, 5.1: even bits choose I, odd bits Q.

    name             "qpsk", "16qam", ...
    bits_per_symbol  even
    """

    name: str
    bits_per_symbol: int

    @cached_property
    def axis_bits(self) -> NDArray[np.uint8]:
        """Bits that choose each amplitude of one axis, uint8 [L, bits_per_symbol / 2], first bit first."""
        width = self.bits_per_symbol // 2
        labels = np.arange(1 << width)[:, None] >> np.arange(width - 1, -1, -1)
        return (labels & 1).astype(np.uint8)

    @cached_property
    def axis_amplitudes(self) -> NDArray[np.float64]:
        """Amplitude of each label of one axis, float64 [L], so that E|s|^2 = 1."""
        width = self.bits_per_symbol // 2
        amplitudes = np.zeros(1 << width)
        # TS 38.211: (1-2a0)[4 - (1-2a1)[2 - (1-2a2)]] for three bits an axis; shorter forms for fewer.
        for bit in range(width - 1, -1, -1):
            amplitudes = (1.0 - 2.0 * self.axis_bits[:, bit]) * ((1 << (width - 1 - bit)) - amplitudes)
        return np.asarray(amplitudes / np.sqrt(2.0 * np.mean(amplitudes**2)))

    def modulate(self, bits: NDArray[np.uint8]) -> NDArray[np.complex64]:
        """Map bits to symbols.

        bits     uint8 [n * bits_per_symbol], each 0 or 1
        returns  complex64 [n], E|s|^2 = 1 over equally likely bits
        raises   InputError when the bits do not fill whole symbols
        """
        if bits.ndim != 1 or bits.size % self.bits_per_symbol:
            raise InputError(
                f"bits has shape {bits.shape}; {self.name} takes one row of a multiple of {self.bits_per_symbol} bits"
            )
        axes = bits.reshape(-1, self.bits_per_symbol // 2, 2)
        weights = 1 << np.arange(self.bits_per_symbol // 2 - 1, -1, -1)
        labels = np.einsum("nbx,b->nx", axes, weights)
        amplitudes = self.axis_amplitudes[labels].astype(np.float32)
        return np.ascontiguousarray(amplitudes).view(np.complex64).ravel()

    def demodulate(self, symbols: NDArray[np.complex64], n0: float) -> NDArray[np.float32]:
        """Max-log LLRs, log P(bit = 0) - log P(bit = 1); their signs are the nearest-point decisions.

        symbols  complex64 [n], finite
        n0       noise energy of a complex symbol, N0 / 2 on each real component, above 0
        returns  float32 [n * bits_per_symbol]
        """
        width = self.bits_per_symbol // 2
        received = np.ascontiguousarray(symbols, dtype=np.complex64).view(np.float32).reshape(-1, 2)
        received = np.clip(received, -SATURATION, SATURATION)
        nearest = np.full((2, width, *received.shape), np.inf, dtype=np.float32)
        for label, amplitude in zip(self.axis_bits, self.axis_amplitudes, strict=True):
            distance = np.square(received - np.float32(amplitude))
            for position, bit in enumerate(label):
                np.minimum(nearest[bit, position], distance, out=nearest[bit, position])
        llrs = (nearest[1] - nearest[0]) / np.float32(n0)
        return np.ascontiguousarray(llrs.transpose(1, 0, 2)).ravel()


QPSK = Modulation("qpsk", 2)
QAM16 = Modulation("16qam", 4)
QAM64 = Modulation("64qam", 6)
