"""Scores agree with independent implementations and with arithmetic done by hand."""

from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter  # type: ignore[import-untyped]

from radiosem.errors import InputError
from radiosem.scores.metrics import (
    score_grey,
    score_map,
    score_outage,
    ssim,
    sum_power_dbm,
)
from tests.radiosem.conftest import NO_BUILDINGS, SCALE, SIDE, corner, flat, noise


def test_ssim_agrees_with_an_image_filter_implementation() -> None:
    x = noise(0, (40, 57))
    y = np.clip(x + 0.1 * noise(1, x.shape), 0, 1)

    def blur(image: np.ndarray) -> np.ndarray:
        return np.asarray(gaussian_filter(image, sigma=1.5, radius=5)[5:-5, 5:-5])

    mx, my = blur(x), blur(y)
    luminance = (2 * mx * my + 1e-4) / (mx**2 + my**2 + 1e-4)
    vx, vy = blur(x**2) - mx**2, blur(y**2) - my**2
    structure = (2 * (blur(x * y) - mx * my) + 9e-4) / (vx + vy + 9e-4)
    assert ssim(x, y) == pytest.approx(float((luminance * structure).mean()), abs=1e-12)


def test_ssim_of_one_window_agrees_with_weighted_moments() -> None:
    x, y = noise(2, (11, 11)), noise(3, (11, 11))
    row, col = np.mgrid[-5:6, -5:6]
    weights = np.exp(-(row**2 + col**2) / (2 * 1.5**2)).ravel()
    cov = np.cov(x.ravel(), y.ravel(), aweights=weights, ddof=0)
    mx, my = np.average(x.ravel(), weights=weights), np.average(y.ravel(), weights=weights)
    expected = (2 * mx * my + 1e-4) * (2 * cov[0, 1] + 9e-4) / ((mx**2 + my**2 + 1e-4) * (cov[0, 0] + cov[1, 1] + 9e-4))
    assert ssim(x, y) == pytest.approx(expected)


def test_ssim_of_flat_images_is_the_luminance_term() -> None:
    assert ssim(flat(0.2), flat(0.6)) == pytest.approx((2 * 0.2 * 0.6 + 1e-4) / (0.04 + 0.36 + 1e-4))


def test_ssim_refuses_an_image_smaller_than_its_window() -> None:
    with pytest.raises(InputError, match="at least 11"):
        ssim(np.zeros((10, 40)), np.zeros((10, 40)))


def test_grey_scores_by_hand() -> None:
    scores = score_grey(flat(0.5), flat(0.4), NO_BUILDINGS, NO_BUILDINGS)
    assert scores.mse == pytest.approx(0.01)
    assert scores.nmse == pytest.approx(0.01 / 0.25)
    assert scores.rmse == pytest.approx(0.1)
    assert scores.psnr == pytest.approx(20.0)
    assert scores.mse_outdoor == pytest.approx(0.01)
    assert scores.censored_share == 0


def test_a_perfect_map_scores_perfectly() -> None:
    truth, buildings = np.clip(noise(4), 0.01, 1), corner(10, 10)
    gain_db = np.where(buildings, np.nan, SCALE.floor_db + truth * SCALE.span_db)
    scores = score_map(truth, gain_db, buildings, buildings, SCALE, line_of_sight=corner(20, 20))
    assert scores.mse == pytest.approx(0, abs=1e-12)
    assert scores.ssim == pytest.approx(1)
    assert (scores.rmse_db, scores.rmse_db_los, scores.rmse_db_nlos) == pytest.approx((0, 0, 0), abs=1e-5)
    assert (scores.outage_iou, scores.coverage_iou) == (1, 1)


def test_grey_scores_take_the_truth_as_0_in_true_buildings_and_the_prediction_as_0_in_received_ones() -> None:
    true_buildings, received_buildings = corner(SIDE, 8), corner(8, SIDE)
    gain_db = np.where(received_buildings, np.nan, -100.0)  # grey 0.5
    scores = score_map(flat(0.5), gain_db, true_buildings, received_buildings, SCALE)
    wrong = SIDE * 8 * 2 - 8 * 8 * 2  # in one mask only
    assert scores.mse == pytest.approx(wrong * 0.25 / SIDE**2)
    assert scores.nmse == pytest.approx(wrong / (SIDE * (SIDE - 8)))


def test_scores_in_db_ignore_what_the_truth_or_prediction_holds_in_true_buildings() -> None:
    buildings = corner(8, 8)
    plain = score_map(flat(0.5), flat(-95.0), buildings, NO_BUILDINGS, SCALE)
    truth, gain_db = flat(0.5), flat(-95.0)
    truth[buildings], gain_db[buildings] = 0.9, -60.0
    other = score_map(truth, gain_db, buildings, NO_BUILDINGS, SCALE)
    assert plain.rmse_db == pytest.approx(5)
    assert other.rmse_db == pytest.approx(5)
    assert plain.mse_outdoor == pytest.approx(0.05**2)
    assert other.mse_outdoor == pytest.approx(0.05**2)


def test_censored_pixels_count_in_no_db_score_but_in_the_share() -> None:
    truth = flat(0.5)
    truth[corner(8, SIDE)] = 0
    gain_db = np.where(corner(8, SIDE), -60.0, -97.0)
    scores = score_map(truth, gain_db, corner(4, SIDE), NO_BUILDINGS, SCALE)
    assert scores.rmse_db == pytest.approx(3)
    assert scores.mse_outdoor == pytest.approx(0.03**2, rel=1e-5)
    assert scores.censored_share == pytest.approx(4 / 28)


def test_a_prediction_below_the_floor_is_clamped_to_it() -> None:
    scores = score_map(flat(0.1), flat(-1000.0), NO_BUILDINGS, NO_BUILDINGS, SCALE)
    assert scores.rmse_db == pytest.approx(10)
    assert scores.mse == pytest.approx(0.01)


def test_an_outdoor_pixel_in_a_received_building_is_scored_as_the_floor() -> None:
    received = corner(SIDE, 8)
    scores = score_map(flat(0.2), np.where(received, np.nan, -130.0), NO_BUILDINGS, received, SCALE)
    assert scores.rmse_db == pytest.approx(np.sqrt(20.0**2 / 4))


def test_a_value_given_inside_a_received_building_changes_nothing() -> None:
    received = corner(6, 6)
    empty = score_map(flat(0.8), np.where(received, np.nan, -75.0), NO_BUILDINGS, received, SCALE)
    filled = score_map(flat(0.8), flat(-75.0), NO_BUILDINGS, received, SCALE)
    assert empty == filled


def test_line_of_sight_splits_the_error() -> None:
    sight = corner(SIDE, 16)
    scores = score_map(flat(0.5), np.where(sight, -98.0, -106.0), NO_BUILDINGS, NO_BUILDINGS, SCALE, sight)
    assert scores.rmse_db_los == pytest.approx(2)
    assert scores.rmse_db_nlos == pytest.approx(6)
    assert scores.rmse_db == pytest.approx(np.sqrt((4 + 36) / 2))


def test_excluded_pixels_leave_every_score_but_the_similarity() -> None:
    sampled = corner(4, 4)
    gain_db = np.where(sampled, -60.0, -101.0)
    truth = flat(0.5)
    scores = score_map(truth, gain_db, NO_BUILDINGS, NO_BUILDINGS, SCALE, exclude=sampled, threshold_dbm=-75.0)
    whole = score_map(truth, gain_db, NO_BUILDINGS, NO_BUILDINGS, SCALE, threshold_dbm=-75.0)
    assert scores.rmse_db == pytest.approx(1)
    assert scores.outage_iou == 1
    assert whole.outage_iou == pytest.approx(1 - 16 / SIDE**2)
    assert scores.mse == pytest.approx(0.01**2, rel=1e-5)
    assert whole.mse == pytest.approx((16 * 0.4**2 + (SIDE**2 - 16) * 0.01**2) / SIDE**2, rel=1e-5)
    assert scores.nmse == pytest.approx(0.01**2 / 0.5**2, rel=1e-5)
    assert scores.ssim == whole.ssim
    with pytest.raises(InputError, match="no pixel left to score"):
        score_map(truth, gain_db, NO_BUILDINGS, NO_BUILDINGS, SCALE, exclude=~NO_BUILDINGS)


def test_undefined_scores_are_none() -> None:
    everything = ~NO_BUILDINGS
    scores = score_map(flat(0), flat(np.nan), everything, everything, SCALE, line_of_sight=everything)
    undefined = {name for name, value in asdict(scores).items() if value is None}
    counts = {"pixels", "energy", "outdoor_pixels", "los_pixels", "nlos_pixels"}
    assert undefined == set(asdict(scores)) - {"mse", "rmse", "ssim"} - counts
    assert (scores.mse, scores.ssim) == (0, 1)
    assert (scores.pixels, scores.energy, scores.outdoor_pixels, scores.los_pixels) == (SIDE**2, 0, 0, 0)


def test_scores_without_a_db_scale_leave_the_db_fields_none() -> None:
    scores = score_grey(noise(5), noise(6), corner(5, 5), corner(5, 6))
    undefined = {name for name, value in asdict(scores).items() if value is None}
    assert undefined == {
        "rmse_db",
        "rmse_db_los",
        "rmse_db_nlos",
        "outage_iou",
        "coverage_iou",
        "all_outage_iou",
        "los_pixels",
        "nlos_pixels",
    }


def test_no_line_of_sight_given_means_no_score_of_it() -> None:
    scores = score_map(flat(0.5), flat(-100.0), NO_BUILDINGS, NO_BUILDINGS, SCALE)
    assert scores.rmse_db is not None
    assert scores.rmse_db_los is None
    assert scores.rmse_db_nlos is None


def test_outage_by_hand() -> None:
    truth = np.array([[-80.0, -95.0, -85.0, -95.0], [-70.0, -99.0, -89.0, -90.0]])
    prediction = np.array([[-80.0, -95.0, -99.0, -85.0], [np.nan, -91.0, -60.0, -90.0]])
    buildings = np.array([[False, False, False, False], [False, False, True, False]])
    scores = score_outage(truth, np.zeros_like(buildings), prediction, buildings)
    # True outage: (0,1) (0,3) (1,1); predicted: (0,1) (0,2) (1,1) and (1,0), where no power is received.
    # Exactly -90 is covered.
    assert scores.outage_iou == pytest.approx(2 / 5)
    assert scores.coverage_iou == pytest.approx(2 / 5)
    assert scores.all_outage_iou == pytest.approx(3 / 7)


def test_a_censored_pixel_is_in_outage_whatever_its_value() -> None:
    scores = score_outage(flat(-50.0), corner(8, SIDE), flat(-50.0), NO_BUILDINGS)
    assert scores.outage_iou == 0
    assert scores.all_outage_iou == pytest.approx(0.25)
    assert scores.coverage_iou == pytest.approx(0.75)


def test_outage_without_any_outage_is_undefined_and_coverage_is_not() -> None:
    scores = score_outage(flat(-50.0), NO_BUILDINGS, flat(-50.0), NO_BUILDINGS)
    assert (scores.outage_iou, scores.coverage_iou, scores.all_outage_iou) == (None, 1, 0)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), threshold=st.floats(-120, -40))
def test_all_outage_is_what_a_prediction_of_no_power_scores(seed: int, threshold: float) -> None:
    rng = np.random.default_rng(seed)
    power = rng.uniform(-120, -40, (6, 7))
    censored, buildings = rng.random((2, 6, 7)) < 0.3
    claimed = score_outage(power, censored, power, buildings, threshold).all_outage_iou
    scored = score_outage(power, censored, np.full((6, 7), -np.inf), buildings, threshold)
    assert (scored.outage_iou or 0) == claimed
    assert not scored.coverage_iou


def test_outage_of_a_map_uses_received_power_and_counts_missing_power() -> None:
    truth = np.where(corner(SIDE, 16), 0.5, 0.3)  # -100 and -120 dB
    received = corner(8, 16)
    gain_db = np.where(received, np.nan, SCALE.gain_db(truth))
    scores = score_map(truth, gain_db, NO_BUILDINGS, received, SCALE, power_dbm=20.0)
    assert scores.outage_iou == pytest.approx(512 / (512 + 128))
    assert scores.coverage_iou == pytest.approx((512 - 128) / 512)
    assert scores.all_outage_iou == pytest.approx(0.5)


def test_outage_below_the_floor_is_undefined() -> None:
    scores = score_map(flat(0.5), flat(-100.0), NO_BUILDINGS, NO_BUILDINGS, SCALE, threshold_dbm=-128.0)
    assert scores.outage_iou is None
    assert scores.coverage_iou is None
    assert scores.all_outage_iou is None
    assert scores.rmse_db is not None


@pytest.mark.parametrize("name", ["prediction", "true_buildings", "received_buildings", "line_of_sight", "exclude"])
def test_a_wrong_shape_is_named(name: str) -> None:
    arrays: dict[str, Any] = {
        "prediction_gain_db": flat(-90.0),
        "true_buildings": NO_BUILDINGS,
        "received_buildings": NO_BUILDINGS,
        "line_of_sight": NO_BUILDINGS,
        "exclude": NO_BUILDINGS,
    }
    key = "prediction_gain_db" if name == "prediction" else name
    arrays[key] = arrays[key][:-1]
    with pytest.raises(InputError, match=rf"{name} has shape \(31, 32\); it must be \(32, 32\)"):
        score_map(flat(0.5), scale=SCALE, **arrays)


def test_a_missing_prediction_outdoors_is_refused() -> None:
    gain_db = flat(-90.0)
    gain_db[3, 4] = np.nan
    with pytest.raises(InputError, match="1 NaN outside received_buildings"):
        score_map(flat(0.5), gain_db, NO_BUILDINGS, NO_BUILDINGS, SCALE)


@pytest.mark.parametrize("value", [-0.1, 1.1, 255.0, np.nan])
def test_a_truth_that_is_not_grey_is_refused(value: float) -> None:
    truth = flat(0.5)
    truth[0, 0] = value
    with pytest.raises(InputError, match=r"must lie in 0\.\.1"):
        score_grey(truth, flat(0.5), NO_BUILDINGS, NO_BUILDINGS)


def test_powers_add_in_milliwatts() -> None:
    total = sum_power_dbm([np.array([[-60.0, -60.0, -np.inf, -np.inf]]), np.array([[-60.0, -160.0, -70.0, -np.inf]])])
    assert total.dtype == np.float32
    assert total[0] == pytest.approx([-60 + 10 * np.log10(2), -60, -70, -np.inf], abs=1e-4)


def test_the_sum_of_powers_keeps_buildings_missing() -> None:
    total = sum_power_dbm([np.array([[np.nan, -60.0]]), np.array([[np.nan, -60.0]])])
    assert np.isnan(total[0, 0])
    assert np.isfinite(total[0, 1])


def test_the_sum_of_no_powers_is_refused() -> None:
    with pytest.raises(InputError, match="empty"):
        sum_power_dbm([])
