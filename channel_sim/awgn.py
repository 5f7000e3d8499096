"""Clean symbols -> symbols with additive white Gaussian noise; Es/N0 in dB <-> noise energy N0."""

import math

import numpy as np
from numpy.typing import NDArray

from radiosem.errors import InputError

LOWEST_ES_N0_DB = -40.0


def noise_energy(es_n0_db: float) -> float:
    """N0 of unit-energy symbols, 10^(-EsN0/10); 0 where Es/N0 is infinite (a clean link)."""
    return 0.0 if es_n0_db == math.inf else 10.0 ** (-es_n0_db / 10.0)


def combined_es_n0_db(first_db: float, second_db: float) -> float:
    """Es/N0 in dB after two stretches of noise in a row: their N0 add."""
    n0 = noise_energy(first_db) + noise_energy(second_db)
    return math.inf if n0 == 0.0 else -10.0 * math.log10(n0)


def check_es_n0_db(es_n0_db: float) -> None:
    """Raise InputError unless es_n0_db is at least -40 dB; infinity stands for a clean link."""
    if math.isnan(es_n0_db) or es_n0_db < LOWEST_ES_N0_DB:
        raise InputError(f"es_n0_db is {es_n0_db}; it must be at least {LOWEST_ES_N0_DB:g} dB (inf: no noise)")


def awgn(symbols: NDArray[np.complex64], es_n0_db: float, rng: np.random.Generator) -> NDArray[np.complex64]:
    """Add n ~ CN(0, N0), N0 = 10^(-EsN0/10): variance N0 / 2 on each real component.

    symbols  complex64 [n], E|s|^2 = 1
    returns  complex64 [n], a new array
    raises   InputError when es_n0_db is NaN or below -40 dB
    """
    check_es_n0_db(es_n0_db)
    deviation = np.float32(math.sqrt(noise_energy(es_n0_db) / 2.0))
    noise = rng.standard_normal((symbols.size, 2), dtype=np.float32) * deviation
    return symbols + noise.view(np.complex64).reshape(symbols.shape)
