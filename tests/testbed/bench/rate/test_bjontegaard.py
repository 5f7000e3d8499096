"""Fronts hold what nothing beats; BD-rate says what share of the rate a curve takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.bench.rate.bjontegaard import bd_rate_percent, pareto_front, rate_at_error

CURVE = [(1000.0, 0.02), (2000.0, 0.012), (4000.0, 0.008), (9000.0, 0.006)]
POINTS = st.lists(st.tuples(st.integers(1, 30), st.integers(0, 30)), max_size=20)


@given(points=POINTS)
def test_the_front_is_every_point_that_no_other_beats(points: list[tuple[int, int]]) -> None:
    def beaten(point: tuple[int, int]) -> bool:
        return any(o != point and o[0] <= point[0] and o[1] <= point[1] for o in points)

    assert pareto_front(points) == sorted({point for point in points if not beaten(point)})


def test_a_curve_against_itself_saves_nothing() -> None:
    assert bd_rate_percent(CURVE, CURVE) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("share", [0.5, 0.1, 3.0])
def test_a_curve_at_a_share_of_the_rate_is_told_so(share: float) -> None:
    other = [(rate * share, error) for rate, error in CURVE]
    assert bd_rate_percent(CURVE, other) == pytest.approx(100 * (share - 1))


def test_points_behind_the_front_change_nothing() -> None:
    assert bd_rate_percent(CURVE, [*CURVE, (8000.0, 0.015)]) == pytest.approx(0, abs=1e-9)


def test_curves_that_do_not_overlap_or_are_a_point_have_no_bd_rate() -> None:
    assert bd_rate_percent(CURVE, [(100.0, 0.5), (200.0, 0.4)]) is None
    assert bd_rate_percent(CURVE, [(100.0, 0.01)]) is None
    assert bd_rate_percent([], CURVE) is None


def test_a_map_without_error_has_no_psnr_and_is_left_out() -> None:
    assert bd_rate_percent(CURVE, [*CURVE, (5e5, 0.0)]) == pytest.approx(0, abs=1e-9)


def test_the_rate_at_an_error_goes_through_the_points() -> None:
    assert rate_at_error(CURVE, 0.012) == pytest.approx(2000)
    assert 2000 < rate_at_error(CURVE, 0.010) < 4000  # type: ignore[operator]
    assert rate_at_error(CURVE, 0.005) is None
    assert rate_at_error(CURVE, 0.0) is None
