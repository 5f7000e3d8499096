"""What is made of the solver's fields: smoothing, the choice between paths, noise, grey values."""

import numpy as np
import pytest

from radiosem.scale import RAYTRACED
from radiosem_models.raytrace.heights import SIDE
from radiosem_models.raytrace.propagation import Rays, combined_db, noise_db, north_up, scale_at, smoothed, to_grey


@pytest.fixture
def outdoor():
    free = np.ones((SIDE, SIDE), bool)
    free[60:120, 80:160] = False
    return free


def test_smoothing_keeps_a_level_field_up_to_the_walls(outdoor):
    level = smoothed(np.full((SIDE, SIDE), 3e-9), outdoor, 2.5)
    np.testing.assert_allclose(level[outdoor], 3e-9, rtol=1e-9)


def test_in_sight_the_rays_add_and_in_shadow_the_stronger_path_counts(outdoor):
    ones = np.ones((SIDE, SIDE))
    sight = np.where(np.arange(SIDE) < 50, 1e-6, 0.0) * ones
    db = combined_db(sight, 1e-9 * ones, 1e-8 * ones, outdoor)
    assert np.isnan(db[~outdoor]).all()
    assert db[200, 10] == pytest.approx(10 * np.log10(1e-6 + 1e-9))
    assert db[200, 200] == pytest.approx(-80.0)


def test_nothing_below_the_floor_is_known(outdoor):
    db = combined_db(np.zeros((SIDE, SIDE)), np.full((SIDE, SIDE), 0.9e-15), np.zeros((SIDE, SIDE)), outdoor)
    assert np.isnan(db).all()


def test_the_scale_is_the_data_sets_at_its_carrier_and_free_space_at_others():
    assert scale_at(5.9e9) == RAYTRACED
    assert scale_at(28e9).top_db == pytest.approx(-61.39, abs=0.01)
    assert scale_at(28e9).floor_db == -150.0


def test_grey_zero_is_unknown_and_north_comes_first():
    db = np.full((SIDE, SIDE), np.nan)
    db[0, :4] = -149.99, -98.7, -47.86, 0.0
    grey = to_grey(db, RAYTRACED)
    assert grey.dtype == np.uint8
    assert grey[-1, :5].tolist() == [1, 128, 255, 255, 0]
    assert not grey[:-1].any()
    assert np.abs(RAYTRACED.gain_db(grey[-1, 1] / 255) + 98.7) < 0.21
    assert north_up(np.arange(4.0).reshape(2, 2)).tolist() == [[2, 3], [0, 1]]


def test_noise_is_told_from_a_map_of_half_the_rays():
    rng = np.random.default_rng(0)
    truth = rng.uniform(-140, -60, (SIDE, SIDE))
    full, halved = (truth + rng.normal(0, sigma, truth.shape) for sigma in (0.8, 0.8 * np.sqrt(2)))
    full[:50], halved[-50:] = np.nan, np.nan
    assert noise_db(full, halved) == pytest.approx(0.8, rel=0.03)
    assert noise_db(truth, np.full_like(truth, np.nan)) is None
    assert Rays(3_000_000, 2_000_000).halved() == Rays(1_500_000, 1_000_000)
