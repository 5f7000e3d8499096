"""Bytes -> protected channel bits (LDPC, repetition, scrambling), and their log-likelihood ratios -> bytes."""

from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import numpy as np
from numpy.typing import NDArray

from channel_sim.ldpc.code import coded_bits, segment

# Belief in a bit that shortening makes 0: above any other, yet small enough that float32 keeps what is added to it.
_CERTAIN = np.float32(1e3)
_LLR_LIMIT = np.float32(1e2)
_MOST_WRONG = 4  # blocks after which no more are tried: noise alone must not cost the time of a decoder


@dataclass(frozen=True)
class Protection:
    """How strongly a part is coded: an LDPC rate, then repetition up to `repeats / rate` channel bits a bit.

    Short payloads leave code words shortened, at a lower rate than `rate`: that counts as repetition already.
    """

    rate: str
    repeats: int = 1


@dataclass(frozen=True)
class Part:
    """What the channel code made of a part.

    data          its bytes; where a block could not be decoded, as they were heard; None when none could
    whole         every block was decoded
    bit_errors    hard decisions that were corrected, of so many `channel_bits`; 0 of 0 where it is not whole
    """

    data: bytes | None
    whole: bool
    bit_errors: int
    channel_bits: int


@cache
def scrambler() -> NDArray[np.uint8]:
    """The 127-bit sequence x^7 + x^4 + 1 from the all-ones state (IEEE Std 802.11, 17.3.5.5), uint8 [127]."""
    state = [1] * 7
    sequence = []
    for _ in range(127):
        bit = state[6] ^ state[3]
        sequence.append(bit)
        state = [bit, *state[:6]]
    return np.array(sequence, dtype=np.uint8)


def channel_bits(length: int, protection: Protection, bits_per_symbol: int) -> int:
    """Channel bits of `length` bytes, filling whole symbols."""
    wanted = -(-8 * length * protection.repeats // Fraction(protection.rate))
    return -(-max(int(wanted), coded_bits(8 * length, protection.rate)) // bits_per_symbol) * bits_per_symbol


def protect(data: bytes, protection: Protection, bits_per_symbol: int) -> NDArray[np.uint8]:
    """Code a part.

    returns  uint8 [channel_bits(len(data), ...)], each 0 or 1
    """
    bits = np.unpackbits(np.frombuffer(data, dtype=np.uint8))
    words = [np.empty(0, dtype=np.uint8)]
    start = 0
    for block in segment(bits.size, protection.rate):
        information = np.zeros(block.code.k, dtype=np.uint8)
        sent = bits[start : start + block.information_bits]
        information[: sent.size] = sent
        words += [sent, block.code.parity(information)]
        start += sent.size
    count = channel_bits(len(data), protection, bits_per_symbol)
    return _repeat(np.concatenate(words), count) ^ np.resize(scrambler(), count)


def recover(llrs: NDArray[np.float32], length: int, protection: Protection) -> Part:
    """Decode a part of `length` bytes; after `_MOST_WRONG` blocks that cannot be, none that follows is tried.

    llrs  float32 [channel_bits(length, ...)], finite, positive for 0
    """
    from channel_sim.ldpc.decoder import decode  # loads numba, which a sender does without

    blocks = segment(8 * length, protection.rate)
    hard = llrs < 0.0
    scrambling = np.resize(scrambler(), llrs.size)
    signs = np.where(scrambling == 1, np.float32(-1.0), np.float32(1.0))
    combined = _combine(np.clip(llrs, -_LLR_LIMIT, _LLR_LIMIT) * signs, sum(block.coded_bits for block in blocks))
    information, words = [np.empty(0, dtype=np.uint8)], [np.empty(0, dtype=np.uint8)]
    start = wrong = 0
    for block in blocks:
        used, k = block.information_bits, block.code.k
        beliefs = np.full(block.code.n, _CERTAIN, dtype=np.float32)
        beliefs[:used] = combined[start : start + used]
        beliefs[k:] = combined[start + used : start + block.coded_bits]
        word = decode(block.code, beliefs) if wrong < _MOST_WRONG else None
        if word is None or word[used:k].any():
            wrong += 1
            word = (beliefs < 0).astype(np.uint8)
        information.append(word[:used])
        words += [word[:used], word[k:]]
        start += block.coded_bits
    data = np.packbits(np.concatenate(information)).tobytes()
    if wrong:
        return Part(None if wrong == len(blocks) else data, False, 0, 0)
    sent = _repeat(np.concatenate(words), llrs.size) ^ scrambling
    return Part(data, True, int(np.count_nonzero(hard != sent)), llrs.size)


def _repeat(coded: NDArray[np.uint8], count: int) -> NDArray[np.uint8]:
    return np.resize(coded, count) if coded.size else np.zeros(count, dtype=np.uint8)


def _combine(llrs: NDArray[np.float32], coded_bits: int) -> NDArray[np.float32]:
    """Add the beliefs of all copies of each coded bit."""
    if coded_bits == 0:
        return llrs[:0]
    rounds = -(-llrs.size // coded_bits)
    padded = np.zeros(rounds * coded_bits, dtype=np.float32)
    padded[: llrs.size] = llrs
    return np.asarray(padded.reshape(rounds, coded_bits).sum(axis=0))
