"""The path-loss fit is the ridge estimate it claims to be, honest about its errors and about what it cannot tell."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike, NDArray

from radiosem.errors import InputError
from radiosem.physics.depth import distance_m
from radiosem.physics.pathloss import ENOUGH_SAMPLES, PRIOR, PRIOR_CORRELATION, SHADOWING_DB, fit_path_loss
from radiosem.types import Grid, Samples, Transmitter

GRID = Grid(rows=64, cols=64)
TX = Transmitter(col=20, row=30, height_m=4.0)
DISTANCE_M = distance_m(GRID, TX).astype(np.float64)
SPREAD = np.array([PRIOR.pl0_se_db, PRIOR.slope_se_db])
PRIOR_COVARIANCE = np.outer(SPREAD, SPREAD) * np.array([[1, PRIOR_CORRELATION], [PRIOR_CORRELATION, 1]])


def readings(col: ArrayLike, row: ArrayLike, power_dbm: ArrayLike, transmitter: int = 0) -> Samples:
    col = np.asarray(col, np.int64)
    power = np.broadcast_to(np.asarray(power_dbm, np.float64), col.shape).copy()
    return Samples(np.full(col.shape, transmitter), col, np.asarray(row, np.int64), power)


def join(*parts: Samples) -> Samples:
    return Samples(*(np.concatenate([getattr(part, name) for part in parts]) for name in Samples.__annotations__))


def drawn(seed: int, count: int, pl0_db: float, slope_db: float, noise_db: float = 0.0) -> Samples:
    """Readings of a known law at random pixels."""
    rng = np.random.default_rng(seed)
    col, row = rng.integers(0, 64, (2, count))
    loss_db = pl0_db + slope_db * np.log10(DISTANCE_M[row, col]) + rng.normal(0, 1, count) * noise_db
    return readings(col, row, TX.power_dbm - loss_db)


def ridge(samples: Samples) -> NDArray[np.float64]:
    """The same estimate by least squares, the prior being two more equations."""
    distance = DISTANCE_M[samples.row, samples.col]
    design = np.column_stack([np.ones(len(samples)), np.log10(distance)]) / SHADOWING_DB
    loss = (TX.power_dbm - samples.power_dbm) / SHADOWING_DB
    whiten = np.linalg.inv(np.linalg.cholesky(PRIOR_COVARIANCE))
    prior = whiten @ [PRIOR.pl0_db, PRIOR.slope_db]
    solution, *_ = np.linalg.lstsq(np.vstack([design, whiten]), np.concatenate([loss, prior]), rcond=None)
    return np.asarray(solution, np.float64)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(1, ENOUGH_SAMPLES),
    pl0_db=st.floats(0, 80),
    slope_db=st.floats(10, 60),
)
def test_the_fit_is_the_ridge_estimate(seed: int, count: int, pl0_db: float, slope_db: float) -> None:
    samples = drawn(seed, count, pl0_db, slope_db, noise_db=3.0)
    law = fit_path_loss(samples, 0, TX, GRID)
    assert (law.pl0_db, law.slope_db) == pytest.approx(ridge(samples), abs=1e-4)
    assert law.samples == count


def test_readings_of_the_typical_law_return_it_exactly() -> None:
    law = fit_path_loss(drawn(1, 20, PRIOR.pl0_db, PRIOR.slope_db), 0, TX, GRID)
    assert (law.pl0_db, law.slope_db) == pytest.approx((PRIOR.pl0_db, PRIOR.slope_db), abs=1e-4)
    assert not law.from_prior


@pytest.mark.parametrize(("pl0_db", "slope_db"), [(46.4, 20.0), (30.0, 40.0), (20.0, 45.0)])
def test_a_known_law_is_recovered_within_its_errors(pl0_db: float, slope_db: float) -> None:
    samples = drawn(2, 20, pl0_db, slope_db)
    law = fit_path_loss(samples, 0, TX, GRID)
    assert abs(law.pl0_db - pl0_db) < law.pl0_se_db
    assert abs(law.slope_db - slope_db) < law.slope_se_db
    decades = np.log10(DISTANCE_M[samples.row, samples.col])
    assert law.pl0_db + law.slope_db * decades == pytest.approx(pl0_db + slope_db * decades, abs=3)
    assert not law.from_prior


@pytest.mark.parametrize(("pl0_db", "slope_db"), [(46.4, 20.0), (80.0, 5.0), (-10.0, 70.0)])
def test_a_known_law_is_recovered_exactly_under_a_prior_that_knows_nothing(
    pl0_db: float, slope_db: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("radiosem.physics.pathloss.PRIOR", replace(PRIOR, pl0_se_db=1e5, slope_se_db=1e5))
    law = fit_path_loss(drawn(2, 20, pl0_db, slope_db), 0, TX, GRID)
    assert (law.pl0_db, law.slope_db) == pytest.approx((pl0_db, slope_db), abs=1e-3)


@pytest.mark.parametrize("count", [2, 20])
def test_standard_errors_cover_the_truth_as_often_as_they_say(count: int) -> None:
    rng = np.random.default_rng(count)
    truths = rng.multivariate_normal([PRIOR.pl0_db, PRIOR.slope_db], PRIOR_COVARIANCE, 250)
    laws = [
        fit_path_loss(drawn(i, count, truth[0], truth[1], SHADOWING_DB), 0, TX, GRID) for i, truth in enumerate(truths)
    ]
    fitted = np.array([[law.pl0_db, law.slope_db] for law in laws])
    errors = np.array([[law.pl0_se_db, law.slope_se_db] for law in laws])
    covered = (abs(fitted - truths) < 1.96 * errors).mean(axis=0)
    assert ((covered > 0.91) & (covered < 0.98)).all(), covered


def test_standard_errors_shrink_as_readings_are_added() -> None:
    few, many = (fit_path_loss(drawn(3, count, 40, 30), 0, TX, GRID) for count in (4, 20))
    assert many.slope_se_db < few.slope_se_db < PRIOR.slope_se_db
    assert many.pl0_se_db < few.pl0_se_db < PRIOR.pl0_se_db


def test_without_readings_the_prior_stands_in() -> None:
    law = fit_path_loss(drawn(0, 0, 40, 30), 0, TX, GRID)
    assert (law.pl0_db, law.slope_db) == pytest.approx((PRIOR.pl0_db, PRIOR.slope_db))
    assert (law.pl0_se_db, law.slope_se_db) == pytest.approx((PRIOR.pl0_se_db, PRIOR.slope_se_db))
    assert (law.from_prior, law.samples) == (True, 0)


@pytest.mark.parametrize("count", [1, 2])
def test_too_few_readings_are_flagged(count: int) -> None:
    law = fit_path_loss(drawn(4, count, 40, 30), 0, TX, GRID)
    assert (law.from_prior, law.samples) == (True, count)


def test_equidistant_readings_are_flagged_however_many() -> None:
    east, south = (40, 30), (20, 50)
    col, row = np.array([east, south, (0, 30), (20, 10)] * 10).T
    law = fit_path_loss(readings(col, row, -60.0), 0, TX, GRID)
    assert (law.from_prior, law.samples) == (True, 20)
    at_them_db = law.pl0_db + law.slope_db * np.log10(DISTANCE_M[30, 40])
    assert at_them_db == pytest.approx(83, abs=1)  # their level is told, only the slope is not


def test_readings_near_and_far_are_not_flagged() -> None:
    near, far = readings([21, 22, 20], [30, 30, 32], -30.0), readings([63, 60, 20], [60, 63, 63], -80.0)
    assert not fit_path_loss(join(near, far), 0, TX, GRID).from_prior


def test_the_20_nearest_readings_are_used_and_the_rest_ignored() -> None:
    near = drawn(5, 60, 40, 30)
    order = np.argsort(DISTANCE_M[near.row, near.col], kind="stable")
    nearest = order[:ENOUGH_SAMPLES]
    misled = near.power_dbm.copy()
    misled[order[ENOUGH_SAMPLES:]] -= 40
    alone = readings(near.col[nearest], near.row[nearest], near.power_dbm[nearest])
    assert fit_path_loss(replace(near, power_dbm=misled), 0, TX, GRID) == fit_path_loss(alone, 0, TX, GRID)


def test_readings_of_other_transmitters_are_left_out() -> None:
    mine, other = drawn(6, 12, 40, 30), replace(drawn(7, 12, 70, 10), transmitter=np.ones(12, np.int64))
    assert fit_path_loss(join(other, mine), 0, TX, GRID) == fit_path_loss(mine, 0, TX, GRID)
    assert fit_path_loss(join(other, mine), 1, TX, GRID) == fit_path_loss(other, 1, TX, GRID)


def test_indoor_readings_are_left_out() -> None:
    buildings = np.zeros(GRID.shape, bool)
    buildings[40:, 40:] = True
    indoors = readings([45, 50, 63], [45, 40, 63], -140.0)
    outdoors = drawn(8, 15, 40, 30)
    outdoors = replace(outdoors, col=outdoors.col % 40)
    assert fit_path_loss(join(indoors, outdoors), 0, TX, GRID, buildings) == fit_path_loss(outdoors, 0, TX, GRID)
    assert fit_path_loss(join(indoors, outdoors), 0, TX, GRID, None).samples == 18


def test_censored_readings_are_left_out() -> None:
    floor_dbm = -127.0
    censored = readings([1, 2, 3], [1, 1, 1], [floor_dbm, floor_dbm - 10, floor_dbm])
    heard = drawn(9, 10, 40, 30)
    fitted = fit_path_loss(join(heard, censored), 0, TX, GRID, floor_dbm=floor_dbm)
    assert fitted == fit_path_loss(heard, 0, TX, GRID)


def test_the_law_does_not_depend_on_the_transmit_power() -> None:
    louder = replace(TX, power_dbm=43.0)
    samples = drawn(10, 20, 40, 30)
    raised = replace(samples, power_dbm=samples.power_dbm + 20)
    a, b = fit_path_loss(samples, 0, TX, GRID), fit_path_loss(raised, 0, louder, GRID)
    assert (a.pl0_db, a.slope_db) == pytest.approx((b.pl0_db, b.slope_db))


@pytest.mark.parametrize(("col", "row"), [(64, 0), (-1, 0), (0, 64), (0, -1)])
def test_a_reading_outside_the_grid_is_refused_by_name(col: int, row: int) -> None:
    with pytest.raises(InputError, match=rf"sample 1 at col {col}, row {row} is outside the grid; col must lie in 0"):
        fit_path_loss(readings([3, col], [3, row], -60.0), 0, TX, GRID)


@pytest.mark.parametrize("power_dbm", [np.nan, np.inf, -np.inf])
def test_a_reading_that_is_not_finite_is_refused_by_name(power_dbm: float) -> None:
    with pytest.raises(InputError, match=rf"sample 2 has power_dbm {power_dbm}; it must be a finite number"):
        fit_path_loss(readings([3, 4, 5], [3, 3, 3], [-60.0, -61.0, power_dbm]), 0, TX, GRID)
