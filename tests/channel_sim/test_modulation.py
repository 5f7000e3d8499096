"""The modulations: Gray maps, unit energy, soft decisions, and bit error rates of theory."""

import math

import numpy as np
import pytest

from channel_sim.awgn import awgn, noise_energy
from channel_sim.modulation import QAM16, QAM64, QPSK, Modulation
from radiosem.errors import InputError

BY_NAME = pytest.mark.parametrize("modulation", [QPSK, QAM16, QAM64], ids=lambda m: m.name)


def constellation(modulation: Modulation) -> tuple[np.ndarray, np.ndarray]:
    """All labels, uint8 [M, bits], and their points, complex64 [M]."""
    width = modulation.bits_per_symbol
    labels = ((np.arange(1 << width)[:, None] >> np.arange(width - 1, -1, -1)) & 1).astype(np.uint8)
    return labels, modulation.modulate(labels.ravel())


def gray_error_rate(modulation: Modulation, es_n0_db: float) -> float:
    """Exact bit error rate of Gray square QAM by nearest point (Cho and Yoon, IEEE Trans. Commun. 50(7), 2002)."""
    levels = 1 << (modulation.bits_per_symbol // 2)
    bits = modulation.bits_per_symbol // 2
    argument = math.sqrt(3 * 10 ** (es_n0_db / 10) / (2 * (levels**2 - 1)))
    total = 0.0
    for k in range(1, bits + 1):
        for i in range(levels - (levels >> k)):
            share = (i << (k - 1)) // levels
            weight = (1 << (k - 1)) - math.floor((i << (k - 1)) / levels + 0.5)
            total += (-1) ** share * weight * math.erfc((2 * i + 1) * argument) / levels
    return total / bits


@BY_NAME
def test_the_mean_energy_is_one(modulation):
    _, points = constellation(modulation)
    assert np.mean(np.abs(points) ** 2) == pytest.approx(1.0, abs=1e-6)


@BY_NAME
def test_nearest_neighbours_differ_in_one_bit(modulation):
    labels, points = constellation(modulation)
    distance = np.abs(points[:, None] - points)
    neighbours = np.isclose(distance, distance[distance > 1e-6].min(), rtol=1e-3)
    differing = (labels[:, None] != labels).sum(axis=2)
    assert neighbours.any()
    assert (differing[neighbours] == 1).all()


def test_the_maps_are_those_of_the_standard():
    # 3GPP TS 38.211, 5.1.3 to 5.1.5: as printed, for every label, and one point of each worked by hand.
    for modulation, scale, axis in (
        (QPSK, 2, lambda b: b[0]),
        (QAM16, 10, lambda b: b[0] * (2 - b[2])),
        (QAM64, 42, lambda b: b[0] * (4 - b[2] * (2 - b[4]))),
    ):
        labels, points = constellation(modulation)
        signs = 1.0 - 2 * labels.T
        expected = (axis(signs) + 1j * axis(signs[1:])) / math.sqrt(scale)
        np.testing.assert_allclose(points, expected, atol=1e-6)
    assert QPSK.modulate(np.array([0, 1], np.uint8)) == pytest.approx([(1 - 1j) / math.sqrt(2)])
    assert QAM16.modulate(np.array([1, 0, 1, 0], np.uint8)) == pytest.approx([(-3 + 1j) / math.sqrt(10)])
    assert QAM64.modulate(np.array([0, 1, 1, 0, 1, 0], np.uint8)) == pytest.approx([(7 - 3j) / math.sqrt(42)])


@BY_NAME
def test_clean_symbols_give_the_bits_back(modulation, rng):
    bits = rng.integers(0, 2, 60 * modulation.bits_per_symbol, dtype=np.uint8)
    llrs = modulation.demodulate(modulation.modulate(bits), n0=0.1)
    assert llrs.dtype == np.float32
    np.testing.assert_array_equal(llrs < 0, bits == 1)


def test_qpsk_llrs_have_the_closed_form(rng):
    symbols = awgn(QPSK.modulate(rng.integers(0, 2, 200, dtype=np.uint8)), 3.0, rng)
    n0 = noise_energy(3.0)
    expected = 2 * math.sqrt(2) / n0 * symbols.view(np.float32)
    np.testing.assert_allclose(QPSK.demodulate(symbols, n0), expected, rtol=1e-4, atol=1e-4)


def test_llrs_are_the_log_ratio_of_the_nearest_points(rng):
    labels, points = constellation(QAM16)
    symbols = awgn(QAM16.modulate(rng.integers(0, 2, 400, dtype=np.uint8)), 8.0, rng)
    metric = np.abs(symbols[:, None] - points) ** 2 / 0.2
    expected = [
        metric[:, labels[:, bit] == 1].min(axis=1) - metric[:, labels[:, bit] == 0].min(axis=1) for bit in range(4)
    ]
    np.testing.assert_allclose(QAM16.demodulate(symbols, 0.2).reshape(-1, 4), np.transpose(expected), atol=1e-4)


@pytest.mark.parametrize(
    ("modulation", "es_n0_db"),
    [
        (QPSK, 0.0),
        (QPSK, 4.0),
        (QPSK, 8.0),
        (QAM16, 4.0),
        (QAM16, 10.0),
        (QAM16, 14.0),
        (QAM64, 8.0),
        (QAM64, 14.0),
        (QAM64, 19.0),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_uncoded_bit_error_rate_lies_within_three_sigma_of_theory(modulation, es_n0_db, rng):
    symbols = 200_000
    bits = rng.integers(0, 2, symbols * modulation.bits_per_symbol, dtype=np.uint8)
    received = awgn(modulation.modulate(bits), es_n0_db, rng)
    wrong = (modulation.demodulate(received, noise_energy(es_n0_db)) < 0) != (bits == 1)
    # Bits of one symbol may err together, so sigma is taken over symbols.
    per_symbol = wrong.reshape(symbols, -1).mean(axis=1)
    sigma = per_symbol.std() / math.sqrt(symbols)
    assert abs(per_symbol.mean() - gray_error_rate(modulation, es_n0_db)) < 3 * sigma


def test_qpsk_theory_is_the_q_function():
    es_n0 = 10 ** (4.0 / 10)
    assert gray_error_rate(QPSK, 4.0) == pytest.approx(0.5 * math.erfc(math.sqrt(es_n0 / 2)))


def test_bits_that_fill_no_symbol_are_refused():
    with pytest.raises(InputError, match="multiple of 4"):
        QAM16.modulate(np.zeros(6, np.uint8))


def test_absurd_amplitudes_saturate_to_finite_llrs():
    symbols = np.array([3e38 - 3e38j, -3e38 + 1e-45j], np.complex64)
    llrs = QAM64.demodulate(symbols, n0=1e-6)
    assert np.isfinite(llrs).all()
    assert (llrs[:2] > 0).tolist() == [True, False]
