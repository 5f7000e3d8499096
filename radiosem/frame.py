"""Semantics <-> the bits on the air: a strong part with header and path-loss laws, a weak part with the masks.

Strong part, bit-packed, most significant bit first:

    version 4 · cars 1 · default grid 1 · [rows-1 10 · cols-1 10 · cell 15, mm] · codec id 32 · transmitters-1 4
    each transmitter: col, row (as many bits as the side needs) · as before 1 · [height 9 · power 8 · frequency 16]
                      pl0 10 · slope 10
    mask length · [cars by the mask's codec 1 · [codec id 32] · cars length] · zero padding · CRC32C 32

A length in bytes is the number of its binary digits (5 bits), then those digits. "As before" compares with the
transmitter before, and the first one with the defaults of `Transmitter`. Weak part: mask section, CRC32C, then if the
cars flag is set cars section, CRC32C. Each CRC of the weak part starts from the strong part's, so that sections of
another frame are not taken for this one's.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Frame:
    """One map's causes as sent: `strong` must arrive; without `weak` (masks) the map is degraded."""

    strong: bytes
    weak: bytes

    @property
    def payload_bits(self) -> int:
        """Bits before channel coding, checksums included."""
        return 8 * (len(self.strong) + len(self.weak))
