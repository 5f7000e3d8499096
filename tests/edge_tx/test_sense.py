"""An observation is either usable in every field, or refused by the name of the field that is not."""

import io
import math
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from edge_tx.sense import sense
from radiosem.errors import InputError
from radiosem.types import Grid, Transmitter
from radiosem_proto.v1 import radiosem_pb2 as pb


def test_usable_observation_becomes_arrays(observation: pb.Observation) -> None:
    sensed = sense(observation)
    assert sensed.observation_id == "block-1"
    assert sensed.image.shape == (128, 128, 3)
    assert sensed.grid == Grid(64, 64, 1.0)
    assert sensed.transmitters == (Transmitter(32, 32, 10.0, 23.0, 5.9e9),)
    assert len(sensed.samples) == 20
    assert sensed.samples.power_dbm.tolist() == list(observation.samples.power_dbm)
    assert sensed.cars is None
    assert sensed.warnings == ()


def test_unset_fields_take_the_defaults_of_the_contract(observation: pb.Observation) -> None:
    observation.ClearField("grid")
    observation.ClearField("observation_id")
    observation.transmitters[0].ClearField("height_m")
    sensed = sense(observation)
    assert sensed.grid == Grid(256, 256, 1.0)
    assert sensed.transmitters == (Transmitter(32, 32, 10.0, 23.0, 5.9e9),)
    observation.transmitters[0].height_m = 0  # said, so taken
    assert sense(observation).transmitters[0].height_m == 0
    assert len(sensed.observation_id) == 32


def test_two_observations_without_id_get_different_ones(observation: pb.Observation) -> None:
    observation.observation_id = ""
    assert sense(observation).observation_id != sense(observation).observation_id


def test_power_of_zero_dbm_is_not_taken_for_unset(observation: pb.Observation) -> None:
    observation.transmitters[0].power_dbm = 0
    assert sense(observation).transmitters[0].power_dbm == 0


@pytest.mark.parametrize("cell_size_m", [0.25, 0.5, 1.0, 2.0, 3.3])
def test_image_is_brought_to_half_a_metre_a_pixel(observation: pb.Observation, cell_size_m: float) -> None:
    observation.grid.cell_size_m = cell_size_m
    side = round(64 * cell_size_m * 2)
    assert sense(observation).image.shape == (side, side, 3)


def test_cars_are_read_from_their_mask(observation: pb.Observation) -> None:
    cars = np.zeros((64, 64), np.uint8)
    cars[30, 20:24] = 255
    out = io.BytesIO()
    Image.fromarray(cars).save(out, "PNG")
    observation.cars_png = out.getvalue()
    np.testing.assert_array_equal(sense(observation).cars, cars > 0)


def test_image_of_another_shape_than_the_block_is_warned_of(observation: pb.Observation) -> None:
    observation.grid.cols = 96
    assert "stretched" in sense(observation).warnings[0]


def change(name: str, value: object) -> Callable[[pb.Observation], None]:
    """Set the field at a path such as samples.col.3."""

    def apply(message: pb.Observation) -> None:
        *path, last = name.split(".")
        target = message
        for step in path:
            target = target[int(step)] if step.isdigit() else getattr(target, step)
        if last.isdigit():
            target[int(last)] = value
        else:
            setattr(target, last, value)

    return apply


def drop(name: str) -> Callable[[pb.Observation], None]:
    return lambda message: message.ClearField(name)


def shorten_powers(message: pb.Observation) -> None:
    message.samples.power_dbm.pop()


def crowd(message: pb.Observation) -> None:
    message.transmitters.extend([message.transmitters[0]] * 16)


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (change("observation_id", "a/b"), "observation_id is 'a/b'"),
        (change("observation_id", "x" * 65), "1 to 64 of the characters"),
        (drop("image"), "there is neither image nor mask_png"),
        (change("image", b"no image"), "must be a PNG or JPEG"),
        (change("cars_png", b"no image"), "cars_png begins with"),
        (change("grid.rows", 31), "grid rows is 31; it must lie in 32..1024"),
        (change("grid.cell_size_m", math.nan), "grid cell_size_m is nan"),
        (change("grid.cell_size_m", 25.5), "at most 1024 m a side"),
        (drop("transmitters"), "there are 0 transmitters; 1 to 16"),
        (crowd, "there are 17 transmitters; 1 to 16"),
        (change("transmitters.0.col", 64), "transmitter 0 at col 64, row 32 is outside the grid"),
        (change("transmitters.0.row", -1), "transmitter 0 at col 32, row -1 is outside the grid"),
        (change("transmitters.0.height_m", math.inf), "transmitter 0: transmitter height_m is inf"),
        (change("transmitters.0.power_dbm", 99.0), "power_dbm is 99.0; it must lie in -64..63.5 dBm"),
        (drop("samples"), "there are 0 samples; at least 1 is needed"),
        (shorten_powers, "20 row, 19 power_dbm; the lists must be equally long"),
        (change("samples.col.3", 64), r"sample 3 at col 64, row \d+ is outside the grid"),
        (change("samples.row.3", -5), r"sample 3 at col \d+, row -5 is outside the grid"),
        (change("samples.power_dbm.3", math.nan), "sample 3 has power_dbm nan"),
        (change("samples.power_dbm.3", -math.inf), "sample 3 has power_dbm -inf"),
        (change("samples.power_dbm.3", 1e300), r"sample 3 has power_dbm 1e\+300; it must lie in -250..100 dBm"),
        (change("samples.transmitter.3", 1), "sample 3 is of transmitter 1; there are 1"),
        (change("samples.transmitter.3", 2**32 - 1), "sample 3 is of transmitter 4294967295"),
    ],
)
def test_unusable_field_is_named(
    observation: pb.Observation, spoil: Callable[[pb.Observation], None], complaint: str
) -> None:
    spoil(observation)
    with pytest.raises(InputError, match=complaint):
        sense(observation)


def test_samples_beyond_the_limit_are_refused_by_their_count(
    observation: pb.Observation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_tx.sense.MAX_SAMPLES", 19)
    with pytest.raises(InputError, match="there are 20 samples; at most 19 are taken"):
        sense(observation)


def test_limits_on_the_image_are_the_callers(observation: pb.Observation) -> None:
    with pytest.raises(InputError, match="at most 100 are taken"):
        sense(observation, max_image_bytes=100)
    with pytest.raises(InputError, match="at most 2000 are taken"):
        sense(observation, max_image_pixels=2000)


def test_an_image_of_coarse_pixels_is_told(observation: pb.Observation) -> None:
    observation.grid.cell_size_m = 5
    assert any("pixels of 2.5 m" in warning for warning in sense(observation).warnings)


def test_samples_that_share_their_lowest_power_are_asked_for_a_floor(observation: pb.Observation) -> None:
    observation.samples.power_dbm[:6] = [-127.0] * 6
    assert any("6 samples share the lowest power, -127 dBm" in warning for warning in sense(observation).warnings)
    observation.samples.floor_dbm = -127.0
    assert sense(observation).warnings == ()
    observation.samples.ClearField("floor_dbm")
    assert sense(observation, floor_dbm=-127.0).warnings == ()  # the edge's own setting
