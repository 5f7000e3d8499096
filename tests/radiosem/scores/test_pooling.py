"""Scores of many maps are those of one large map, and intervals cover what they say."""

from dataclasses import asdict
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radiosem.errors import InputError
from radiosem.scores.metrics import MapScores, score_grey, score_map
from radiosem.scores.pooling import FEWEST_BLOCKS, Interval, bootstrap_interval, pooled, pooled_interval
from tests.radiosem.conftest import NO_BUILDINGS, SCALE, SIDE, corner, flat, noise


def width(interval: Interval) -> float:
    assert interval.low is not None
    assert interval.high is not None
    return interval.high - interval.low


def test_the_interval_covers_the_true_mean_as_often_as_it_says() -> None:
    rng = np.random.default_rng(7)
    covered = 0
    for trial in range(200):
        block_effect = np.repeat(rng.normal(0, 1, 40), 3)
        scores = 5 + block_effect + rng.normal(0, 0.5, 120)
        interval = bootstrap_interval(scores, np.repeat(np.arange(40), 3), seed=trial, level=0.9, resamples=400)
        assert interval.low is not None
        assert interval.high is not None
        covered += interval.low <= 5 <= interval.high
    assert 0.82 <= covered / 200 <= 0.96


def test_maps_of_one_block_count_as_one_piece_of_evidence() -> None:
    scores = np.repeat(noise(8).ravel()[:20], 10)
    by_block = bootstrap_interval(scores, np.repeat(np.arange(20), 10), seed=0)
    by_map = bootstrap_interval(scores, np.arange(200), seed=0)
    assert by_block.blocks == 20
    assert by_map.blocks == 200
    assert width(by_block) > 2 * width(by_map)
    alone = bootstrap_interval(scores[::10], np.arange(20), seed=0)
    assert (by_block.low, by_block.high) == pytest.approx((alone.low, alone.high))


def test_pairing_by_map_removes_what_both_models_find_hard() -> None:
    difficulty = 10 * noise(9).ravel()[:50]
    model, other = difficulty + 1, difficulty + 0.1 * noise(10).ravel()[:50]
    paired = bootstrap_interval(model, np.arange(50), seed=0, baseline=other)
    assert paired.mean == pytest.approx(float(np.mean(model - other)))
    assert width(paired) < 0.05


def test_few_blocks_give_a_mean_and_its_range_but_no_interval() -> None:
    interval = bootstrap_interval([1.0, 2.0, 6.0], ["florence", "florence", "munich"], seed=0)
    assert interval == Interval(3.0, None, None, 2, lowest=1.5, highest=6.0)
    assert bootstrap_interval(range(FEWEST_BLOCKS - 1), range(FEWEST_BLOCKS - 1), seed=0).low is None
    assert bootstrap_interval(range(FEWEST_BLOCKS), range(FEWEST_BLOCKS), seed=0).low is not None


def two_maps() -> list[MapScores]:
    """One wholly in sight and nearly right, one mostly in shadow, half censored and far off."""
    sight = corner(SIDE, 4)
    half = np.where(corner(SIDE, 16), 0.8, 0)
    near = score_map(flat(0.4), flat(-111.0), NO_BUILDINGS, NO_BUILDINGS, SCALE, ~NO_BUILDINGS)
    far = score_map(half, np.where(sight, -72.0, -90.0), NO_BUILDINGS, NO_BUILDINGS, SCALE, sight)
    return [near, far]


def test_pooled_errors_are_those_of_all_pixels_together() -> None:
    whole = pooled(two_maps())
    near, far = np.full(1024, 1.0), np.concatenate([np.full(128, 2.0), np.full(384, 20.0)])
    assert whole.rmse_db == pytest.approx(np.sqrt(np.mean(np.concatenate([near, far]) ** 2)))
    assert whole.rmse_db_los == pytest.approx(np.sqrt((1024 * 1 + 128 * 4) / 1152))
    assert whole.rmse_db_nlos == pytest.approx(20)
    assert (whole.outdoor_pixels, whole.los_pixels, whole.nlos_pixels) == (1536, 1152, 384)
    assert whole.mse_outdoor == pytest.approx((whole.rmse_db or 0) ** 2 / 100**2)


def test_pooled_scores_follow_from_one_another() -> None:
    maps = two_maps()
    whole = pooled(maps)
    assert whole.mse == pytest.approx((maps[0].mse + maps[1].mse) / 2)
    assert whole.rmse == pytest.approx(np.sqrt(whole.mse))
    assert whole.psnr == pytest.approx(-10 * np.log10(whole.mse))
    assert whole.nmse == pytest.approx(2 * whole.mse / (0.4**2 + 0.8**2 / 2))
    assert whole.ssim == pytest.approx((maps[0].ssim + maps[1].ssim) / 2)
    assert whole.pixels == 2 * SIDE**2


def test_pooling_one_map_changes_nothing_and_none_is_refused() -> None:
    for scores in (*two_maps(), score_grey(noise(5), noise(6), corner(5, 5), corner(5, 6))):
        assert asdict(pooled([scores])) == pytest.approx(asdict(scores))
    with pytest.raises(InputError, match="scores is empty"):
        pooled([])


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_pooled_error_in_db_lies_between_its_parts(seed: int) -> None:
    rng = np.random.default_rng(seed)
    maps = [
        score_map(
            rng.random((11, 11)),
            rng.uniform(-150, -50, (11, 11)),
            *2 * [rng.random((11, 11)) < 0.3],
            SCALE,
            rng.random((11, 11)) < rng.random(),
        )
        for _ in range(3)
    ]
    whole = pooled(maps)
    parts = [part for part in (whole.rmse_db_los, whole.rmse_db_nlos) if part is not None]
    assert whole.rmse_db is not None
    assert min(parts) <= whole.rmse_db * (1 + 1e-9)
    assert whole.rmse_db <= max(parts) * (1 + 1e-9)


@pytest.mark.parametrize("name", ["mse", "nmse", "rmse"])
def test_an_interval_is_of_the_pooled_score(name: Literal["mse", "nmse", "rmse"]) -> None:
    maps = [
        score_grey(flat(0.1 * (k + 1)), flat(0.1), NO_BUILDINGS, NO_BUILDINGS, exclude=corner(k, SIDE))
        for k in range(FEWEST_BLOCKS)
    ]
    interval = pooled_interval(maps, name, range(FEWEST_BLOCKS), seed=0)
    assert interval is not None
    assert interval.mean == pytest.approx(getattr(pooled(maps), name))
    assert interval.low is not None
    assert interval.high is not None
    assert interval.lowest <= interval.low < interval.mean < interval.high <= interval.highest
    assert interval.highest == pytest.approx(getattr(maps[-1], name))


def test_an_error_relative_to_maps_without_any_signal_has_no_interval() -> None:
    empty = score_grey(flat(0), flat(0.1), NO_BUILDINGS, NO_BUILDINGS)
    assert pooled_interval([empty], "nmse", [0], seed=0) is None
    with pytest.raises(InputError, match="over has 0"):
        bootstrap_interval([1.0], [0], seed=0, over=[0.0])


def test_scores_come_back_out_of_a_row() -> None:
    (near, _) = two_maps()
    assert MapScores.of({"map": "1", **asdict(near)}) == near


def test_an_interval_is_repeatable_from_its_seed() -> None:
    values = noise(11).ravel()[:30]
    first, again, other = (bootstrap_interval(values, np.arange(30), seed=s, resamples=200) for s in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize(("values", "blocks"), [([], []), ([1.0, np.nan], [0, 1]), ([1.0, 2.0], [0])])
def test_unusable_scores_have_no_interval(values: list[float], blocks: list[int]) -> None:
    with pytest.raises(InputError):
        bootstrap_interval(values, blocks, seed=0)
