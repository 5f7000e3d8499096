"""The weights' manifest -> what every trained network cost, and how its validation error fell with time."""

from collections.abc import Sequence

from radiosem import weights
from radiosem.codecs.maps import map_codec_names
from radiosem.weights import WeightsEntry
from radiosem_models.training.manifest import judged_alike
from testbed.bench.tables.rows import OURS, Row
from testbed.scores.reconstructors import network_of

AT_MINUTES = (15, 40, 80)  # when errors are compared at equal time
LATE_SHARE = 0.25  # of a training's time, whose gain tells whether it has stalled
ABOVE_BEST = 0.02  # by which an error ends above the best before it counts as not having come back to it
REBUILD, SEND, SEND_MASKS = "to rebuild maps", "to send true maps", "to send masks"
MASK_SENDERS = ("vqvae", "jscc")
ERRORS = ("val_mse", "val_wrong_pixel_share", "val_wrong_at_")  # what the names of validation errors begin with
Point = tuple[float, int, float]  # seconds, images, validation error


def learning_rows(models: Sequence[str]) -> list[Row]:
    """One row for every reconstructor of `models` that was trained, and every trained sender of whole maps or masks.

    returns  of each: model, learns (to rebuild maps from masks, to send true ones, or masks), data it was trained on,
             parameters in millions, images and minutes of the whole training, best_minutes (when the exported weights
             were reached), val_e4 (their error on the validation split times 1e4: MSE of grey in [0, 1], of those that
             send masks the share of wrong pixels, over the learned link the mean over noise), val_e4_at_T by
             `AT_MINUTES` (the best by then; None where the training was shorter), late_gain (by which share the best
             error, of the second phase where there are two, fell in the last quarter of its time), ends_above_best (as
             after a change of phase: then there is no late_gain), judged_on and judged_by (hashes of the validation
             split's masks and of its maps) and curve; equal_minutes that it and our generator both had on that split;
             of those, images_at_equal (seen by then), val_e4_at_equal (the best by then) and, of those that rebuild
             maps, cgan_e4_at_equal (our generator's by then) and cgan_e4_at_images (our generator's after as many
             images, where it saw as many); None where the manifest does not say
    """
    listed = weights.entries()
    named = [(model, REBUILD, network_of(model)) for model in models]
    named += [(sender, SEND, f"{sender}-decoder") for sender in map_codec_names()]
    named += [(sender, SEND_MASKS, f"{sender}-decoder") for sender in MASK_SENDERS if f"{sender}-decoder" in listed]
    rows = [_row(model, learns, listed[name]) for model, learns, name in named if name is not None]
    ours = network_of(OURS)
    generator = None if ours is None else _row(OURS, REBUILD, listed[ours])
    return [row | _at_equal_time(row, generator) for row in rows]


def two_rows(row: Row) -> list[Row]:
    """A training as the tables print it: at equal time with our generator, where it can be told, and to its end."""
    end = row | {"terms": "to its end"}
    if row["equal_minutes"] is None:
        return [end]
    beside = ("cgan_e4_at_equal", "cgan_e4_at_images")
    same = ("model", "learns", "data", "parameters_m", *beside)
    equal = {"minutes": row["equal_minutes"], "images": row["images_at_equal"], "val_e4": row["val_e4_at_equal"]}
    return [{key: row[key] for key in same} | equal | {"terms": "at equal time"}, end | dict.fromkeys(beside)]


def _row(model: str, learns: str, entry: WeightsEntry) -> Row:
    meta = entry.meta
    curve: list[Point] = [(float(s), int(n), float(error)) for s, n, error in meta.get("curve", [])]
    # Of a training with two phases, the second alone tells whether it has stalled.
    second = [point for point in curve if point[1] >= meta.get("first_images", 0)] or curve
    # Of the learned link there is one a level of noise.
    errors = [error for name, error in entry.metrics.items() if name.startswith(ERRORS)]
    return {
        "model": model,
        "learns": learns,
        "data": entry.data.split(", split")[0],
        "parameters_m": None if "parameters" not in meta else meta["parameters"] / 1e6,
        "images": curve[-1][1] if curve else meta.get("images"),
        "minutes": curve[-1][0] / 60 if curve else None,
        "best_minutes": None if "seconds" not in meta else meta["seconds"] / 60,
        "val_e4": 1e4 * sum(errors) / len(errors) if errors else None,
        **{f"val_e4_at_{minutes}": _best_by(curve, minutes) for minutes in AT_MINUTES},
        "late_gain": None if _ends_above_best(curve) else _late_gain(second),
        "ends_above_best": _ends_above_best(curve),
        **{key: meta.get(key, "") for key in ("judged_on", "judged_by")},
        "curve": curve,
    }


def _at_equal_time(row: Row, ours: Row | None) -> Row:
    """Best error within the time that it and our generator both had, and our generator's where it learned the same."""
    keys = ("equal_minutes", "images_at_equal", "val_e4_at_equal", "cgan_e4_at_equal", "cgan_e4_at_images")
    if ours is None or row["model"] == OURS or not (row["curve"] and ours["curve"]):
        return dict.fromkeys(keys)
    if not judged_alike(row, ours):
        return dict.fromkeys(keys)
    minutes = min(row["minutes"], ours["minutes"])
    images = max((seen for seconds, seen, _ in _by(row["curve"], minutes)), default=None)
    beside = after = None
    if row["learns"] == REBUILD:
        beside = _best_by(ours["curve"], minutes)
        if images is not None and images <= ours["curve"][-1][1]:
            after = min((1e4 * error for _, seen, error in ours["curve"] if seen <= images), default=None)
    return dict(zip(keys, (minutes, images, _best_by(row["curve"], minutes), beside, after), strict=True))


def _by(curve: Sequence[Point], minutes: float) -> list[Point]:
    """Points within a time; a step may overrun."""
    return [point for point in curve if point[0] <= 60 * minutes + 5]


def _best_by(curve: Sequence[Point], minutes: float) -> float | None:
    """Lowest error within a time, x 1e4; None where the training ended before."""
    within = [error for *_, error in _by(curve, minutes)]
    if not within or curve[-1][0] < 60 * minutes - 5:
        return None
    return 1e4 * min(within)


def _late_gain(curve: Sequence[Point]) -> float | None:
    """Share by which the best error fell in the last quarter of the time; None where nothing was scored before it."""
    before = _before_late(curve)
    if not before:
        return None
    return 1 - min(error for *_, error in curve) / min(before)


def _ends_above_best(curve: Sequence[Point]) -> bool:
    """True when the best error lies before the last quarter of the time, and the last is clearly above it."""
    before = _before_late(curve)
    best = min((error for *_, error in curve), default=0.0)
    return bool(before) and min(before) == best and curve[-1][2] > (1 + ABOVE_BEST) * best


def _before_late(curve: Sequence[Point]) -> list[float]:
    """Errors before the last quarter of the time; none where there is no curve."""
    end_s = max((seconds for seconds, *_ in curve), default=0.0)
    return [error for *_, error in _by(curve, (1 - LATE_SHARE) * end_s / 60)]
