"""The LDPC codes: the tables of the standard, encoding, the choice of blocks, and decoding."""

import hashlib
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channel_sim.awgn import awgn, noise_energy
from channel_sim.ldpc.code import Code, code, coded_bits, segment
from channel_sim.ldpc.decoder import decode
from channel_sim.ldpc.tables import BLOCK_LENGTHS, RATES
from channel_sim.modulation import QPSK

CODES = [(rate, n) for rate in RATES for n in BLOCK_LENGTHS]
EVERY_CODE = pytest.mark.parametrize(("rate", "n"), CODES)


def parity_check_matrix(used: Code) -> np.ndarray:
    """H, uint8 [n - k, n], from circulants laid out one by one."""
    z = used.circulant
    identity, zero = np.eye(z, dtype=np.uint8), np.zeros((z, z), np.uint8)
    return np.block(
        [[np.roll(identity, shift, axis=1) if shift >= 0 else zero for shift in row] for row in used.base.tolist()]
    )


def rank(matrix: np.ndarray) -> int:
    """Rank over GF(2), each row held as one integer, pivots by their leading bit."""
    pivots: dict[int, int] = {}
    for row in np.packbits(matrix, axis=1):
        rest = int.from_bytes(row.tobytes(), "big")
        while rest and rest.bit_length() in pivots:
            rest ^= pivots[rest.bit_length()]
        if rest:
            pivots[rest.bit_length()] = rest
    return len(pivots)


def word(used: Code, rng: np.random.Generator) -> np.ndarray:
    """A random code word."""
    information = rng.integers(0, 2, used.k, dtype=np.uint8)
    return np.concatenate([information, used.parity(information)])


def test_the_tables_are_pinned():
    # Both ends must hold the same codes, entry by entry.
    entries = b"".join(code(rate, n).base.astype("<i2").tobytes() for rate, n in CODES)
    assert hashlib.sha256(entries).hexdigest()[:16] == "8c7e6f30d39f0b59"


@EVERY_CODE
def test_every_code_has_its_rate_and_full_rank(rate, n):
    used = code(rate, n)
    matrix = parity_check_matrix(used)
    numerator, denominator = map(int, rate.split("/"))
    assert used.k * denominator == n * numerator
    assert matrix.shape == (n - used.k, n)
    assert rank(matrix) == n - used.k


@EVERY_CODE
def test_the_parity_part_is_dual_diagonal(rate, n):
    used = code(rate, n)
    parity = used.base[:, used.k // used.circulant :]
    rows = len(parity)
    first = parity[:, 0]
    assert first[0] == first[-1] == 1
    assert (first[1:-1] >= 0).sum() == 1
    assert first.max() == 1
    diagonal = np.full((rows, rows - 1), -1)
    diagonal[np.arange(rows - 1), np.arange(rows - 1)] = 0
    diagonal[np.arange(1, rows), np.arange(rows - 1)] = 0
    np.testing.assert_array_equal(parity[:, 1:], diagonal)


@EVERY_CODE
def test_the_codes_have_hardly_any_short_cycles(rate, n):
    # Two circulants shared by two rows of the base matrix at equal steps are cycles of length 4, which spoil decoding.
    used = code(rate, n)
    cycles = 0
    for first, second in itertools.combinations(used.base.tolist(), 2):
        steps = [(a - b) % used.circulant for a, b in zip(first, second, strict=True) if min(a, b) >= 0]
        cycles += sum(a == b for a, b in itertools.combinations(steps, 2))
    assert cycles <= 2


@EVERY_CODE
def test_every_code_word_satisfies_every_check(rate, n, rng):
    used = code(rate, n)
    matrix = parity_check_matrix(used).astype(np.int32)
    for _ in range(5):
        assert not (matrix @ word(used, rng) % 2).any()


@EVERY_CODE
def test_the_sparse_checks_are_those_of_the_matrix(rate, n):
    used = code(rate, n)
    starts, variables = used.checks
    dense = np.zeros((n - used.k, n), np.uint8)
    dense[np.repeat(np.arange(n - used.k), np.diff(starts)), variables] = 1
    np.testing.assert_array_equal(dense, parity_check_matrix(used))


@EVERY_CODE
def test_a_flipped_bit_is_put_right(rate, n, rng):
    used = code(rate, n)
    sent = word(used, rng)
    llrs = (4.0 - 8.0 * sent).astype(np.float32)
    flipped = llrs.copy()
    flipped[rng.integers(n)] *= -0.5
    np.testing.assert_array_equal(decode(used, flipped), sent)


def test_half_rate_blocks_at_2_db_all_come_through(rng):
    used = code("1/2", 1944)
    for _ in range(60):
        sent = word(used, rng)
        received = QPSK.demodulate(awgn(QPSK.modulate(sent), 2.0, rng), noise_energy(2.0))
        np.testing.assert_array_equal(decode(used, received), sent)


def test_half_rate_blocks_at_minus_3_db_are_reported_lost(rng):
    # Half a bit a real dimension needs -2.8 dB by Shannon's limit for QPSK; below it nothing may pretend to decode.
    used = code("1/2", 1944)
    for _ in range(10):
        received = QPSK.demodulate(awgn(QPSK.modulate(word(used, rng)), -3.0, rng), noise_energy(-3.0))
        assert decode(used, received) is None


def test_an_erased_block_does_not_pass_for_the_zero_word():
    assert decode(code("1/2", 648), np.zeros(648, np.float32)) is None


@given(st.integers(0, 20_000), st.sampled_from(RATES))
@settings(max_examples=60, deadline=None)
def test_blocks_carry_the_payload_with_the_least_parity(bits, rate):
    blocks = segment(bits, rate)
    shortest = code(rate, BLOCK_LENGTHS[0])
    assert sum(block.information_bits for block in blocks) == bits
    assert all(0 < block.information_bits <= block.code.k for block in blocks)
    assert sum(block.coded_bits for block in blocks) == coded_bits(bits, rate)
    parity = coded_bits(bits, rate) - bits
    assert parity == -(-bits // shortest.k) * (shortest.n - shortest.k)
