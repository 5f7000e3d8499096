"""Outage maps: what counts as outage, and that both ways of finding it leave buildings out."""

import numpy as np
import pytest

from radiosem.inference import STRIDE, pad_sides
from radiosem.scale import RAYTRACED
from server_rx.outage import classify_outage, floor_dbm, outage_share, threshold_outage

FLOOR_DBM = -127.0  # of one transmitter of 23 dBm
MAP_DBM = np.array([[-100, -90, -80], [np.nan, -90.001, np.nan]], np.float32)


class Recorder:
    device = "cpu"

    def __call__(self, **inputs):
        self.inputs = inputs
        return [inputs["threshold_grey"][..., None, None] - inputs["map_grey"]]


def test_outage_is_below_the_threshold_and_never_inside_a_building():
    assert threshold_outage(MAP_DBM, -90.0, FLOOR_DBM).tolist() == [[True, False, False], [False, True, False]]


@pytest.mark.parametrize(("powers_dbm", "floor"), [((63.5,), -86.5), ((60.0,), -90.0), ((51.0,) * 16, -86.96)])
def test_what_is_too_weak_to_be_known_is_outage_at_any_power_and_threshold(powers_dbm, floor):
    assert floor_dbm(powers_dbm) == pytest.approx(floor, abs=0.01)
    map_dbm = np.array([[floor_dbm(powers_dbm), floor + 0.1, np.nan]], np.float32)
    for threshold_dbm in (-90.0, -100.0):
        found = threshold_outage(map_dbm, threshold_dbm, floor_dbm(powers_dbm)).tolist()
        assert found == [[True, floor + 0.1 < threshold_dbm, False]]
    never = lambda **inputs: [np.full((1, 1, 32, 32), -1, np.float32)]  # noqa: E731
    found = classify_outage(never, map_dbm, -100.0, floor_dbm(powers_dbm), max(powers_dbm)).tolist()
    assert found == [[True, False, False]]


def test_outage_share_counts_outdoor_pixels_only():
    assert outage_share(MAP_DBM, -90.0, FLOOR_DBM) == pytest.approx(2 / 4)
    assert outage_share(np.full((2, 2), np.nan, np.float32), -90.0, FLOOR_DBM) == 0


def test_the_classifier_sees_gain_of_the_strongest_transmitter_and_zero_in_buildings():
    network = Recorder()
    outage = classify_outage(network, MAP_DBM, -90.0, FLOOR_DBM, 23.0)
    assert network.inputs["map_grey"].shape == (1, 1, 32, 32)
    assert network.inputs["map_grey"][0, 0, 1, 0] == 0
    assert network.inputs["map_grey"][0, 0, 0, 2] == RAYTRACED.grey(np.float32(-103.0))
    assert network.inputs["threshold_grey"] == RAYTRACED.grey(np.float32(-113.0))
    assert outage.tolist() == threshold_outage(MAP_DBM, -90.0, FLOOR_DBM).tolist()


def test_padding_repeats_the_edge_and_keeps_what_fits():
    stack = np.arange(2 * 40 * 64, dtype=np.float32).reshape(2, 40, 64)
    padded = pad_sides(stack, STRIDE)
    assert padded.shape == (2, 64, 64)
    assert np.array_equal(padded[:, :40], stack)
    assert np.array_equal(padded[:, 63], stack[:, 39])
    assert pad_sides(padded, STRIDE).shape == padded.shape
