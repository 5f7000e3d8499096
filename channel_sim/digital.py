"""Frame -> burst of clean complex symbols, and noisy symbols -> the parts of the frame, by codes and constellations.

    signal field | strong part | weak part
    QPSK, 1/8    | QPSK, 1/4   | modulation and rate of the link

The signal field says how many bytes follow in each part, so that the receiver needs nothing but the symbols.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from channel_sim.awgn import noise_energy
from channel_sim.coding import Part, Protection, channel_bits, protect, recover
from channel_sim.modulation import QPSK, Modulation
from radiosem.errors import ChannelError, InputError
from radiosem.frame import Frame

MAX_SYMBOLS = 4_000_000  # of one burst; bounds time and memory at the receiver

SIGNAL = Protection("1/2", repeats=4)
STRONG = Protection("1/2", repeats=2)
_SIGNAL_BYTES = 8  # strong length 2, weak length 3, CRC 3, big-endian
_SIGNAL_SYMBOLS = channel_bits(_SIGNAL_BYTES, SIGNAL, QPSK.bits_per_symbol) // QPSK.bits_per_symbol
_MAX_STRONG_BYTES, _MAX_WEAK_BYTES = 0xFFFF, 0xFFFFFF
_CLEANEST_ES_N0_DB = 60.0  # the demapper divides by N0: above this a link counts as this clean


@dataclass(frozen=True)
class Reception:
    """What came through.

    strong                  None when the channel code could not deliver all of it
    weak                    as it was heard where the code could not deliver a block of it: the checksums of the
                            sections tell which of them came through; None when it delivered none
    payload_bits            bits before channel coding that were sent, lost ones too
    bit_errors, coded_bits  hard decisions that the decoder corrected, of so many channel bits in the parts delivered
    weak_whole              every block of the weak part was delivered
    """

    strong: bytes | None
    weak: bytes | None
    payload_bits: int
    bit_errors: int
    coded_bits: int
    weak_whole: bool = True


@dataclass(frozen=True)
class LdpcLink:
    """LDPC-coded QAM: the strong part always QPSK at rate 1/4, the weak part as the link's name says."""

    modulation: Modulation
    rate: str
    exact: ClassVar[bool] = True

    @property
    def name(self) -> str:
        """Name in the registry: modulation-rate."""
        return f"{self.modulation.name}-{self.rate}"

    def symbol_count(self, strong_bytes: int, weak_bytes: int) -> int:
        """Channel uses of a burst, signal field included."""
        strong = channel_bits(strong_bytes, STRONG, QPSK.bits_per_symbol) // QPSK.bits_per_symbol
        weak = channel_bits(weak_bytes, Protection(self.rate), self.modulation.bits_per_symbol)
        return _SIGNAL_SYMBOLS + strong + weak // self.modulation.bits_per_symbol

    def payload_bits(self, frame: Frame) -> int:
        """Bits of a frame before channel coding, checksums included."""
        return 8 * (len(frame.strong) + len(frame.weak))

    def encode(self, frame: Frame) -> NDArray[np.complex64]:
        """Clean symbols of a frame, complex64 [n], E|s|^2 = 1.

        raises  InputError when a part is longer than the signal field can say, or the burst than 4 million symbols
        """
        for name, part, limit in (
            ("strong", frame.strong, _MAX_STRONG_BYTES),
            ("weak", frame.weak, _MAX_WEAK_BYTES),
        ):
            if len(part) > limit:
                raise InputError(f"the frame's {name} part has {len(part)} bytes; a burst carries at most {limit}")
        count = self.symbol_count(len(frame.strong), len(frame.weak))
        if count > MAX_SYMBOLS:
            raise InputError(f"the frame takes {count} symbols over {self.name}; a burst has at most {MAX_SYMBOLS}")
        lengths = len(frame.strong).to_bytes(2, "big") + len(frame.weak).to_bytes(3, "big")
        weak = Protection(self.rate)
        return np.concatenate(
            [
                QPSK.modulate(protect(lengths + _crc24(lengths), SIGNAL, QPSK.bits_per_symbol)),
                QPSK.modulate(protect(frame.strong, STRONG, QPSK.bits_per_symbol)),
                self.modulation.modulate(protect(frame.weak, weak, self.modulation.bits_per_symbol)),
            ]
        )

    def burst_length(self, symbols: NDArray[np.complex64], es_n0_db: float) -> int:
        """Channel uses that the signal field in front of noisy symbols promises; raises ChannelError as `decode`."""
        return self.symbol_count(*_read_signal(symbols, es_n0_db)[1:])

    def decode(self, symbols: NDArray[np.complex64], es_n0_db: float) -> Reception:
        """Parts of the frame in noisy symbols.

        symbols   complex64 [n], E|s|^2 = 1 before noise
        es_n0_db  Es/N0 in dB, infinite for clean symbols
        raises    ChannelError when the symbols hold no burst, or not the whole of one
        """
        n0, strong_bytes, weak_bytes = _read_signal(symbols, es_n0_db)
        expected = self.symbol_count(strong_bytes, weak_bytes)
        if symbols.size != expected:
            raise ChannelError(
                f"burst has {symbols.size} symbols; its signal field promises {expected} over {self.name}"
            )
        strong_end = self.symbol_count(strong_bytes, 0)
        strong = _read(symbols[_SIGNAL_SYMBOLS:strong_end], n0, QPSK, strong_bytes, STRONG)
        weak = _read(symbols[strong_end:], n0, self.modulation, weak_bytes, Protection(self.rate))
        return Reception(
            strong.data if strong.whole else None,
            weak.data,
            8 * (strong_bytes + weak_bytes),
            strong.bit_errors + weak.bit_errors,
            strong.channel_bits + weak.channel_bits,
            weak.whole,
        )


def _check_symbols(symbols: NDArray[np.complex64]) -> None:
    if symbols.ndim != 1 or symbols.dtype != np.complex64:
        raise ChannelError(f"symbols are {symbols.dtype} {symbols.shape}; they must be complex64 in one row")
    if not _SIGNAL_SYMBOLS <= symbols.size <= MAX_SYMBOLS:
        raise ChannelError(f"burst has {symbols.size} symbols; it must have {_SIGNAL_SYMBOLS} to {MAX_SYMBOLS}")
    if not np.isfinite(symbols).all():
        raise ChannelError("burst has symbols that are not finite; every one must be a finite complex number")


def _read(
    symbols: NDArray[np.complex64], n0: float, modulation: Modulation, length: int, protection: Protection
) -> Part:
    return recover(modulation.demodulate(symbols, n0), length, protection)


def _read_signal(symbols: NDArray[np.complex64], es_n0_db: float) -> tuple[float, int, int]:
    """N0, and the bytes of the strong and of the weak part."""
    _check_symbols(symbols)
    if math.isnan(es_n0_db):
        raise ChannelError("es_n0_db is not a number; it must be the Es/N0 of the burst in dB")
    n0 = noise_energy(min(max(es_n0_db, -_CLEANEST_ES_N0_DB), _CLEANEST_ES_N0_DB))
    field = _read(symbols[:_SIGNAL_SYMBOLS], n0, QPSK, _SIGNAL_BYTES, SIGNAL).data
    if field is None or _crc24(field[:5]) != field[5:]:
        raise ChannelError("the signal field did not come through; the burst is too noisy, or no burst")
    return n0, int.from_bytes(field[:2], "big"), int.from_bytes(field[2:5], "big")


def _crc24(data: bytes) -> bytes:
    """Low three bytes of the CRC32C."""
    return int(google_crc32c.value(data)).to_bytes(4, "big")[1:]
