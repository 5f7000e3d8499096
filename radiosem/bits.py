"""Unsigned numbers of a few bits <-> bytes, most significant bit first."""

import operator

from radiosem.errors import FrameError


class BitWriter:
    """Collects numbers bit by bit; `to_bytes` pads the last byte with zeros."""

    def __init__(self) -> None:
        self._value = 0
        self._bits = 0

    def write(self, value: int, bits: int) -> None:
        """Append `value`, 0 <= value < 2**bits; a whole number of NumPy counts as one."""
        value = operator.index(value)
        if not 0 <= value < 1 << bits:
            raise ValueError(f"value {value} does not fit {bits} bits")
        self._value = self._value << bits | value
        self._bits += bits

    def to_bytes(self) -> bytes:
        """Everything written so far, the first bit in the top of the first byte."""
        padding = -self._bits % 8
        return (self._value << padding).to_bytes((self._bits + padding) // 8, "big")


class BitReader:
    """Reads numbers back in the order they were written."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def read(self, bits: int) -> int:
        """The next `bits` bits as an unsigned number; FrameError when they are not there."""
        if bits > self._left:
            raise FrameError(f"truncated: {bits} bits are due and {self._left} are left")
        self._left -= bits
        return self._value >> self._left & (1 << bits) - 1

    def finish(self) -> None:
        """FrameError unless only the zero padding of the last byte is left."""
        if self._left >= 8 or self._value & (1 << self._left) - 1:
            raise FrameError(f"{self._left} bits follow the last field; fewer than 8, all zero, are right")
