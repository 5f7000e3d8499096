"""Grey and dB are one linear scale, and what lies outside it is clipped, never wrapped."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radiosem.scale import RADIOMAPSEER, RAYTRACED, SCALES, Scale

any_scale = pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)


@any_scale
def test_the_ends_of_the_scale_are_its_floor_and_its_top(scale: Scale) -> None:
    assert scale.gain_db(np.array([0.0, 1.0])) == pytest.approx([scale.floor_db, scale.top_db])
    assert scale.grey(np.array([scale.floor_db, scale.top_db])) == pytest.approx([0, 1])


@any_scale
def test_every_8_bit_grey_survives_the_way_to_db_and_back(scale: Scale) -> None:
    grey = np.arange(256) / 255
    back = scale.grey(scale.gain_db(grey))
    assert back.dtype == np.float32
    np.testing.assert_array_equal(np.round(back * 255), np.arange(256))


@settings(deadline=None)
@given(st.floats(-150, -47.86))
def test_a_gain_inside_the_scale_survives_the_way_to_grey_and_back(gain_db: float) -> None:
    assert RAYTRACED.gain_db(RAYTRACED.grey(np.array([gain_db])))[0] == pytest.approx(gain_db, abs=1e-4)


@any_scale
def test_gains_outside_the_scale_are_clipped(scale: Scale) -> None:
    outside = np.array([-np.inf, -1000.0, scale.floor_db - 1, scale.top_db + 1, 0.0, np.inf])
    assert scale.grey(outside).tolist() == [0, 0, 0, 1, 1, 1]


def test_an_unknown_gain_stays_unknown() -> None:
    assert np.isnan(RAYTRACED.grey(np.array([np.nan]))).all()


@any_scale
def test_one_grey_level_is_the_span_over_255(scale: Scale) -> None:
    step_db = np.diff(scale.gain_db(np.array([100, 101]) / 255))
    assert step_db[0] == pytest.approx(scale.span_db / 255, abs=1e-4)


def test_the_top_is_free_space_at_one_metre_and_5_9_ghz() -> None:
    friis_db = 20 * np.log10(299_792_458 / 5.9e9 / (4 * np.pi))
    assert pytest.approx(friis_db, abs=0.03) == RAYTRACED.top_db
    assert pytest.approx(friis_db, abs=0.03) == RADIOMAPSEER.top_db


def test_a_scale_is_found_by_its_name() -> None:
    assert {name: scale.name for name, scale in SCALES.items()} == {name: name for name in SCALES}
    assert SCALES["raytraced"].floor_db == -150.0
