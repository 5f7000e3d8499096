"""The noise: its power on each component, and what it refuses."""

import math

import numpy as np
import pytest

from channel_sim.awgn import awgn, combined_es_n0_db, noise_energy
from radiosem.errors import InputError


@pytest.mark.parametrize("es_n0_db", [-3.0, 0.0, 10.0])
def test_each_component_carries_half_of_n0(es_n0_db, rng):
    count = 200_000
    noise = awgn(np.zeros(count, np.complex64), es_n0_db, rng)
    half = 10 ** (-es_n0_db / 10) / 2
    tolerance = 4 * half * math.sqrt(2 / count)  # four sigma of a variance estimate
    assert noise.real.var() == pytest.approx(half, abs=tolerance)
    assert noise.imag.var() == pytest.approx(half, abs=tolerance)
    assert abs(np.mean(noise.real * noise.imag)) < tolerance


def test_infinite_es_n0_leaves_the_symbols_as_they_are(rng):
    symbols = np.array([1 + 1j, -1j], np.complex64)
    np.testing.assert_array_equal(awgn(symbols, math.inf, rng), symbols)


def test_symbols_keep_their_type_and_are_not_changed_in_place(rng):
    symbols = np.ones(8, np.complex64)
    assert awgn(symbols, 0.0, rng).dtype == np.complex64
    assert (symbols == 1).all()


@pytest.mark.parametrize("es_n0_db", [math.nan, -math.inf, -41.0])
def test_unusable_es_n0_is_refused_by_name(es_n0_db, rng):
    with pytest.raises(InputError, match="es_n0_db is"):
        awgn(np.ones(1, np.complex64), es_n0_db, rng)


def test_noise_of_two_stretches_adds():
    assert combined_es_n0_db(10.0, 10.0) == pytest.approx(10 - 10 * math.log10(2))
    assert combined_es_n0_db(math.inf, 7.0) == pytest.approx(7.0)
    assert combined_es_n0_db(math.inf, math.inf) == math.inf
    assert noise_energy(20.0) == pytest.approx(0.01)
