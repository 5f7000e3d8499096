"""Information bits -> LDPC code words of IEEE Std 802.11, and the choice of blocks for a payload."""

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from channel_sim.ldpc.tables import BASE_COLUMNS, BLOCK_LENGTHS, base_matrix


@dataclass(frozen=True)
class Code:
    """One LDPC code: `n` coded bits, of which the first `k` are the information (IEEE Std 802.11, 19.3.11.7)."""

    rate: str
    n: int

    @cached_property
    def base(self) -> NDArray[np.int64]:
        """Shifts of the circulants, int64 [R, 24], -1 for none."""
        return base_matrix(self.rate, self.n)

    @property
    def circulant(self) -> int:
        """Side Z of a circulant, bits."""
        return self.n // BASE_COLUMNS

    @cached_property
    def k(self) -> int:
        """Information bits."""
        return self.n - len(self.base) * self.circulant

    @cached_property
    def checks(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Parity checks as compressed rows.

        returns  starts int32 [n - k + 1], variables int32 [ones]: check r sums bits variables[starts[r]:starts[r + 1]]
        """
        z = self.circulant
        rows = [
            [column * z + (r + shift) % z for column, shift in enumerate(shifts) if shift >= 0]
            for shifts in self.base.tolist()
            for r in range(z)
        ]
        starts = np.cumsum([0, *map(len, rows)], dtype=np.int32)
        return starts, np.concatenate(rows).astype(np.int32)

    @cached_property
    def _information_checks(self) -> NDArray[np.int64]:
        # Row r: the information bits of check r, filled up with k, where `parity` keeps a zero.
        starts, variables = self.checks
        rows = [part[part < self.k] for part in np.split(variables, starts[1:-1])]
        table = np.full((len(rows), max(map(len, rows))), self.k, dtype=np.int64)
        for row, part in zip(table, rows, strict=True):
            row[: len(part)] = part
        return table

    def parity(self, information: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Parity bits by the dual-diagonal structure.

        information  uint8 [k], each 0 or 1
        returns      uint8 [n - k]
        """
        z, rows = self.circulant, self.base.shape[0]
        padded = np.append(information, np.uint8(0))
        sums = np.bitwise_xor.reduce(padded[self._information_checks], axis=1).reshape(rows, z)
        # The first parity column holds three circulants, two of them equal: summing all rows leaves it alone.
        first = np.bitwise_xor.reduce(sums, axis=0)
        for row, shift in enumerate(self.base[:, self.k // z]):
            if shift >= 0:
                sums[row] ^= np.roll(first, -shift)
        chain = np.bitwise_xor.accumulate(sums[:-1], axis=0)
        return np.concatenate([first, chain.ravel()])


@cache
def code(rate: str, n: int) -> Code:
    """The code of a rate ("1/2", "2/3", "3/4", "5/6") and block length (648, 1296, 1944), made once."""
    return Code(rate, n)


@dataclass(frozen=True)
class Block:
    """A shortened block: `information_bits` of the code's k are used, the others are zeros that are not sent."""

    code: Code
    information_bits: int

    @property
    def coded_bits(self) -> int:
        """Bits sent: information and parity."""
        return self.information_bits + self.code.n - self.code.k


def coded_bits(information_bits: int, rate: str) -> int:
    """Bits that the blocks of `segment` send in all, without making them: a payload's length may be anyone's claim."""
    shortest = code(rate, BLOCK_LENGTHS[0])
    return information_bits + -(-information_bits // shortest.k) * (shortest.n - shortest.k)


def segment(information_bits: int, rate: str) -> list[Block]:
    """Blocks that carry a payload with the least parity: long blocks first, the shortening spread evenly.

    information_bits  at least 0
    returns           blocks whose information_bits add up to the payload; none for an empty payload
    """
    unit, double, triple = BLOCK_LENGTHS
    units = -(-information_bits // code(rate, unit).k)
    # Every length is a multiple of the shortest, so the parity depends on the number of units alone: then long is best.
    threes, rest = divmod(units, 3)
    lengths = {
        0: [triple] * threes,
        1: [triple] * (threes - 1) + [double, double] if threes else [unit],
        2: [triple] * threes + [double],
    }[rest]
    codes = [code(rate, length) for length in lengths]
    ends = np.cumsum([0, *(c.k for c in codes)], dtype=np.int64)
    shares = np.diff(ends * information_bits // max(int(ends[-1]), 1))
    return [Block(c, int(share)) for c, share in zip(codes, shares, strict=True)]
