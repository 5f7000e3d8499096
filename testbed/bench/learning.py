"""The weights' manifest -> what every trained network cost, and how its validation error fell with time."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from radiosem import weights
from radiosem.mapcodecs import map_codec_names
from radiosem.weights import WeightsEntry
from testbed.bench.figures import draw_learning
from testbed.reconstruct import network_of

AT_MINUTES = (15, 40, 80)  # when errors are compared at equal time
LATE_SHARE = 0.25  # of a training's time, whose gain tells whether it has stalled
REBUILD, SEND = "to rebuild maps", "to send true maps"
Point = tuple[float, int, float]  # seconds, images, validation error


def learning_rows(models: Sequence[str]) -> list[dict[str, Any]]:
    """One row for every reconstructor of `models` that was trained, and for every trained sender of whole maps.

    returns  of each: model, learns (to rebuild maps from masks, or to send true ones), data it was trained on,
             parameters in millions, images and minutes of the whole training, best_minutes (when the exported weights
             were reached), val_e4 (their error on the validation split, MSE of grey in [0, 1] times 1e4), val_e4_at_T
             by `AT_MINUTES` (the best by then; None where the training was shorter), late_gain (by which share the best
             error fell in the last quarter of its time), judged_on (hash of the validation split) and curve; None where
             the manifest does not say
    """
    listed = weights.entries()
    named = [(model, REBUILD, network_of(model)) for model in models]
    named += [(sender, SEND, f"{sender}-decoder") for sender in map_codec_names()]
    return [_row(model, learns, listed[name]) for model, learns, name in named if name is not None]


def _row(model: str, learns: str, entry: WeightsEntry) -> dict[str, Any]:
    meta = entry.meta
    curve: list[Point] = [(float(s), int(n), float(error)) for s, n, error in meta.get("curve", [])]
    error = entry.metrics.get("val_mse")
    return {
        "model": model,
        "learns": learns,
        "data": entry.data.split(", split")[0],
        "parameters_m": None if "parameters" not in meta else meta["parameters"] / 1e6,
        "images": curve[-1][1] if curve else meta.get("images"),
        "minutes": curve[-1][0] / 60 if curve else None,
        "best_minutes": None if "seconds" not in meta else meta["seconds"] / 60,
        "val_e4": None if error is None else 1e4 * error,
        **{f"val_e4_at_{minutes}": _best_by(curve, minutes) for minutes in AT_MINUTES},
        "late_gain": _late_gain(curve),
        "judged_on": meta.get("judged_on"),
        "curve": curve,
    }


def _best_by(curve: Sequence[Point], minutes: float) -> float | None:
    """Lowest error within a time, x 1e4; None where the training ended before."""
    within = [error for seconds, _, error in curve if seconds <= 60 * minutes + 5]  # a step may overrun
    if not within or curve[-1][0] < 60 * minutes - 5:
        return None
    return 1e4 * min(within)


def _late_gain(curve: Sequence[Point]) -> float | None:
    """Share by which the best error fell in the last quarter of the time; None where nothing was scored before."""
    if not curve:
        return None
    late_s = (1 - LATE_SHARE) * curve[-1][0]
    before = [error for seconds, _, error in curve if seconds <= late_s]
    return 1 - min(error for *_, error in curve) / min(before) if before else None


def draw(rows: Sequence[dict[str, Any]], path: Path) -> Path | None:
    """Draw how those that rebuild maps learned, all on the validation split of most; None where there is no curve."""
    drawn = [row for row in rows if row["learns"] == REBUILD and row["curve"]]
    if not drawn:
        return None
    splits = [row["judged_on"] for row in drawn]
    judged_on = max(splits, key=splits.count)
    draw_learning({row["model"]: row["curve"] for row in drawn if row["judged_on"] == judged_on}, path)
    return path
