"""Rate-error points -> Pareto front, BD-rate, and the rate another curve takes for the same error."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator  # type: ignore[import-untyped]

Point = tuple[float, float]  # rate, error: less is better in both


def pareto_front(points: Iterable[Point]) -> list[Point]:
    """Points that no other beats in rate without losing in error, by growing rate; of equal points one stays."""
    front: list[Point] = []
    for rate, error in sorted(set(points)):
        if not front or error < front[-1][1]:
            front.append((rate, error))
    return front


def bd_rate_percent(anchor: Sequence[Point], other: Sequence[Point]) -> float | None:
    """Mean difference in rate at equal error, in percent of the anchor's (Bjontegaard, VCEG-M33, 2001).

    Of each curve the Pareto front is taken. log10(rate) is a monotone piecewise cubic (PCHIP, as in JCTVC practice) of
    the PSNR, -10 log10 of the error, and averaged over the PSNR that both curves reach.

    anchor, other  points (rate > 0, mean squared error >= 0); those without error have no PSNR and are left out
    returns        negative where `other` takes less; None with fewer than two points a curve, or without overlap
    """
    one, two = _curve(anchor), _curve(other)
    if len(one) < 2 or len(two) < 2:
        return None
    low, high = max(one[0, 0], two[0, 0]), min(one[-1, 0], two[-1, 0])
    if not low < high:
        return None
    areas = [float(PchipInterpolator(curve[:, 0], curve[:, 1]).integrate(low, high)) for curve in (one, two)]
    return float(100 * (10 ** ((areas[1] - areas[0]) / (high - low)) - 1))


def rate_at_error(curve: Sequence[Point], error: float) -> float | None:
    """Rate at which a curve reaches an error, by the interpolation of `bd_rate_percent`; None outside the curve."""
    points = _curve(curve)
    if error <= 0 or len(points) < 2:
        return None
    psnr_db = -10 * np.log10(error)
    if not points[0, 0] <= psnr_db <= points[-1, 0]:
        return None
    return float(10 ** PchipInterpolator(points[:, 0], points[:, 1])(psnr_db))


def _curve(points: Sequence[Point]) -> NDArray[np.float64]:
    """PSNR in dB and log10(rate) along the front, by growing PSNR: float64 [n, 2]."""
    front = [(rate, error) for rate, error in pareto_front(points) if error > 0]
    return np.array([(-10 * np.log10(error), np.log10(rate)) for rate, error in front]).reshape(-1, 2)
