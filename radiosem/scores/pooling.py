"""Scores of many maps -> scores as of one, and bootstrap intervals over the ground that the maps lie on."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from radiosem.errors import InputError
from radiosem.scores.metrics import MapScores, OutageScores, check_shapes, of_error, root

FEWEST_BLOCKS = 6  # that an interval is drawn from: of two, a bootstrap has three outcomes


@dataclass(frozen=True)
class Interval:
    """A score over maps, with its bootstrap interval over blocks.

    low, high        None below `FEWEST_BLOCKS` blocks, which are too few to draw from
    lowest, highest  of the scores of single blocks
    """

    mean: float
    low: float | None
    high: float | None
    blocks: int
    lowest: float
    highest: float


def pooled(scores: Sequence[MapScores]) -> MapScores:
    """Scores of several maps as of one: squared errors and pixels are summed, then roots, ratios and dB taken once.

    So `rmse` is the root of `mse`, `psnr` its dB, `nmse` the squared error over the squared truth, and `rmse_db` lies
    between its parts in sight and in shadow. ssim, censored_share and those of outage are means over the maps that
    define them.

    raises  InputError when there is no map
    """
    if not scores:
        raise InputError("scores is empty; it must hold those of at least one map")

    def mean(name: str, weight: str | None = None, power: int = 1) -> float | None:
        known = [s for s in scores if getattr(s, name) is not None and (weight is None or getattr(s, weight))]
        weights = None if weight is None else [getattr(s, weight) for s in known]
        return float(np.average([getattr(s, name) ** power for s in known], weights=weights)) if known else None

    def total(name: str) -> int | None:
        known = [count for s in scores if (count := getattr(s, name)) is not None]
        return sum(known) if known else None

    parts = {"rmse_db": "outdoor_pixels", "rmse_db_los": "los_pixels", "rmse_db_nlos": "nlos_pixels"}
    means = [field.name for field in fields(OutageScores)] + ["ssim", "censored_share"]
    found: dict[str, Any] = {name: root(mean(name, weight, power=2)) for name, weight in parts.items()}
    found |= {name: mean(name) for name in means} | {"mse_outdoor": mean("mse_outdoor", "outdoor_pixels")}
    found |= {name: total(name) for name in ("pixels", *parts.values())}
    return MapScores(**found, **of_error(mean("mse", "pixels") or 0, mean("energy", "pixels") or 0))


def pooled_interval(
    scores: Sequence[MapScores], name: Literal["mse", "nmse", "rmse"], blocks: ArrayLike, seed: int
) -> Interval | None:
    """Interval of that score of `pooled`; None where the truth of a map is 0 everywhere and `name` is nmse.

    blocks, seed  as `bootstrap_interval`, and what it raises
    """
    errors = [s.mse * s.pixels for s in scores]
    over = [s.pixels * (s.energy if name == "nmse" else 1) for s in scores]
    if not all(over):
        return None
    interval = bootstrap_interval(errors, blocks, seed, over=over)
    if name != "rmse":
        return interval
    roots = {key: root(value) for key, value in asdict(interval).items() if key != "blocks"}
    return Interval(blocks=interval.blocks, **roots)  # type: ignore[arg-type]


def bootstrap_interval(
    values: ArrayLike,
    blocks: ArrayLike,
    seed: int,
    baseline: ArrayLike | None = None,
    over: ArrayLike | None = None,
    level: float = 0.95,
    resamples: int = 10_000,
) -> Interval:
    """Mean of a score over maps, or ratio of two sums, with its percentile bootstrap interval over spatial blocks.

    Maps of one block are drawn together, because neighbours share streets and are no independent evidence. Below
    `FEWEST_BLOCKS` blocks there is no interval.

    values    [N] score of each map; with `over`, what is summed over maps
    blocks    [N] integer or text label of the block each map lies in
    seed      of the resampling
    baseline  [N] the same score of another model on the same maps: the interval is of values - baseline, map by map
    over      [N], above 0: the sum of values is divided by the sum of these; None for a mean
    raises    InputError on lengths that differ, no values, or values that are not finite
    """
    scores, labels = np.asarray(values, np.float64), np.asarray(blocks)
    check_shapes(scores.shape, blocks=labels, baseline=baseline, over=over)
    if baseline is not None:
        scores = scores - np.asarray(baseline, np.float64)
    if scores.ndim != 1 or not scores.size or not np.isfinite(scores).all():
        raise InputError(f"values has shape {scores.shape}; it must be a list of at least one score, all finite")
    weights = np.ones(scores.shape) if over is None else np.asarray(over, np.float64)
    if not (weights > 0).all():
        raise InputError(f"over has {weights.min()}; it must be above 0 for every map")
    _, block_of = np.unique(labels, return_inverse=True)
    sums, counts = np.bincount(block_of, scores), np.bincount(block_of, weights)
    mean, by_block = float(scores.sum() / weights.sum()), sums / counts
    low = high = None
    if len(sums) >= FEWEST_BLOCKS:
        draws = np.random.default_rng(seed).multinomial(len(sums), np.full(len(sums), 1 / len(sums)), resamples)
        means = (draws @ sums) / (draws @ counts)
        low, high = (float(end) for end in np.quantile(means, [(1 - level) / 2, (1 + level) / 2]))
    return Interval(mean, low, high, len(sums), float(by_block.min()), float(by_block.max()))
