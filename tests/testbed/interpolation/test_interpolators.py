"""What interpolation from samples promises: it passes through its readings, and reproduces what it assumes."""

import numpy as np
import pytest

from radiosem.errors import InputError
from testbed.interpolation import INTERPOLATORS
from testbed.interpolation.kriging import Variogram, fit_variogram
from testbed.interpolation.local_polynomial import local_polynomial
from testbed.interpolation.readings import Readings, draw_readings

SHAPE = (48, 40)


def drawn(truth: np.ndarray, share: float = 0.1, seed: int = 0) -> tuple[Readings, np.ndarray]:
    return draw_readings(truth, np.zeros(truth.shape, bool), share, np.random.default_rng(seed))


@pytest.mark.parametrize("method", sorted(INTERPOLATORS))
def test_a_flat_field_is_rebuilt_from_few_readings(method):
    readings, where = drawn(np.full(SHAPE, 0.4, np.float32), 0.001)
    assert where.sum() == len(readings.grey) == 4
    assert INTERPOLATORS[method](readings, SHAPE) == pytest.approx(0.4, abs=1e-4)


@pytest.mark.parametrize("method", sorted(INTERPOLATORS))
def test_a_smooth_field_is_rebuilt_better_than_by_its_mean(method):
    row, col = np.indices(SHAPE)
    truth = np.asarray(0.5 + 0.3 * np.sin(row / 9) * np.cos(col / 11), np.float32)
    readings, _ = drawn(truth)
    rebuilt = INTERPOLATORS[method](readings, SHAPE)
    assert ((rebuilt - truth) ** 2).mean() < 0.1 * truth.var()


@pytest.mark.parametrize("method", ["knn", "kriging"])
def test_exact_readings_are_kept(method):
    row, col = np.indices(SHAPE)
    truth = np.asarray(0.5 + 0.3 * np.sin(row / 9) * np.cos(col / 11), np.float32)
    readings, where = drawn(truth)
    assert INTERPOLATORS[method](readings, SHAPE)[where] == pytest.approx(truth[where], abs=1e-3)


def test_a_plane_is_rebuilt_by_planes():
    row, col = np.indices(SHAPE)
    truth = np.asarray(0.1 + 0.01 * row + 0.005 * col, np.float32)
    readings, _ = drawn(truth)
    rebuilt = local_polynomial(readings, SHAPE)
    assert rebuilt[8:-8, 8:-8] == pytest.approx(truth[8:-8, 8:-8], abs=1e-3)


def test_a_variogram_finds_the_range_of_a_field():
    rng = np.random.default_rng(0)
    places = rng.uniform(0, 250, (600, 2))
    apart = np.linalg.norm(places[:, None] - places[None], axis=-1)
    known = Variogram(0.0, 0.04, 20.0)
    field = np.linalg.cholesky(0.04 - known(apart) + 1e-9 * np.eye(600)) @ rng.standard_normal(600)
    found = fit_variogram(Readings(places, field))
    assert found.range_px == pytest.approx(20, rel=0.6)
    assert found.nugget + found.sill == pytest.approx(0.04, rel=0.5)


def test_readings_are_outdoors_and_few():
    buildings = np.zeros(SHAPE, bool)
    buildings[10:30] = True
    readings, where = draw_readings(np.ones(SHAPE, np.float32), buildings, 0.05, np.random.default_rng(0))
    assert len(readings.grey) == where.sum() == round(0.05 * (~buildings).sum())
    assert not where[buildings].any()
    with pytest.raises(InputError, match=r"samples is 0\.2"):
        draw_readings(np.ones(SHAPE, np.float32), buildings, 0.2, np.random.default_rng(0))
    with pytest.raises(InputError, match="0 outdoor pixels"):
        draw_readings(np.ones(SHAPE, np.float32), np.ones(SHAPE, bool), 0.1, np.random.default_rng(0))
