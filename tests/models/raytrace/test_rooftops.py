"""Diffraction over the roofs, against ITU-R P.526 and against loops that spell it out."""

import math

import numpy as np
import pytest
from scipy.special import fresnel

from radiosem.types import SPEED_OF_LIGHT_M_S
from radiosem_models.raytrace.rooftops import cascade_db, knife_edge_db, rooftop_gain, worst_edge

WAVELENGTH_M = SPEED_OF_LIGHT_M_S / 5.9e9


@pytest.mark.parametrize("nu", [-0.7, -0.3, 0.0, 0.5, 1.0, 2.4, 5.0, 20.0])
def test_a_knife_edge_loses_what_the_fresnel_integral_says(nu):
    s, c = fresnel(nu)
    exact_db = -20 * math.log10(math.hypot(1 - c - s, c - s) / 2)  # ITU-R P.526-15, equation 30
    assert knife_edge_db(nu) == pytest.approx(exact_db, abs=0.35)


def test_a_knife_edge_loses_6_db_at_grazing_and_nothing_well_below():
    assert knife_edge_db(0.0) == pytest.approx(6.0, abs=0.05)
    assert knife_edge_db(-0.78) == 0.0
    assert knife_edge_db(-5.0) == 0.0


def test_one_wall_between_equal_heights_has_the_parameter_of_the_recommendation():
    profile = np.zeros(101)
    profile[40] = 20.0
    index, nu = worst_edge(profile, 0, 100, 5.0, 5.0, 2.0, WAVELENGTH_M)
    d1, d2, h = 80.0, 120.0, 15.0
    assert index == 40
    assert nu == pytest.approx(h * math.sqrt(2 * (d1 + d2) / (WAVELENGTH_M * d1 * d2)))  # equation 26


def test_a_clear_profile_loses_nothing():
    assert cascade_db(np.zeros(51), 50, 50.0, 30.0, 30.0, WAVELENGTH_M) == 0.0


def plain_cascade_db(profile, distance_m, tx_z, rx_z, wavelength_m):
    """Section 4.5.2 of ITU-R P.526-15, written out."""
    count = len(profile) - 1
    step = distance_m / count

    def nu_of(i, a, b, za, zb):
        d1, d2 = (i - a) * step, (b - i) * step
        clearance = profile[i] - (za * d2 + zb * d1) / (d1 + d2)
        return clearance * math.sqrt(2 / wavelength_m * (1 / d1 + 1 / d2))

    def worst(a, b, za, zb):
        found = [(nu_of(i, a, b, za, zb), -i) for i in range(a + 1, b)]
        nu, i = max(found, default=(-10.0, 1))
        return nu, -i

    def loss(nu):
        return 6.9 + 20 * math.log10(math.sqrt((nu - 0.1) ** 2 + 1) + nu - 0.1) if nu > -0.78 else 0.0

    nu, p = worst(0, count, tx_z, rx_z)
    if nu <= -0.78:
        return 0.0
    left, right = worst(0, p, tx_z, profile[p])[0], worst(p, count, profile[p], rx_z)[0]
    correction = 10.0 + 0.04 * distance_m / 1000
    return loss(nu) + (1 - math.exp(-loss(nu) / 6)) * (loss(left) + loss(right) + correction)


def test_every_cell_equals_the_loop_written_out():
    rng = np.random.default_rng(2)
    n = 24
    heights = np.zeros((n, n))
    for _ in range(6):
        row, col = rng.integers(0, n - 5, 2)
        heights[row : row + 4, col : col + 5] = rng.uniform(4, 25)
    outdoor = heights <= 1
    tx_row, tx_col = map(int, np.argwhere(outdoor)[0])
    gain = rooftop_gain(heights, outdoor, (tx_col, tx_row, 10.0), 1.5, WAVELENGTH_M)
    assert not gain[~outdoor].any()
    shadowed = 0
    for row, col in np.argwhere(outdoor):
        d = math.hypot(row - tx_row, col - tx_col)
        if d < 2:
            continue
        count = math.ceil(d)
        t = np.arange(count + 1) / count
        rows = np.floor(tx_row + (row - tx_row) * t + 0.5).astype(int)
        cols = np.floor(tx_col + (col - tx_col) * t + 0.5).astype(int)
        loss_db = plain_cascade_db(heights[rows, cols], d, 10.0, 1.5, WAVELENGTH_M)
        friis_db = 20 * math.log10(WAVELENGTH_M / (4 * math.pi * math.hypot(d, 8.5)))
        shadowed += loss_db > 10
        assert 10 * math.log10(gain[row, col]) == pytest.approx(friis_db - loss_db, abs=1e-6)
    assert shadowed > 50
