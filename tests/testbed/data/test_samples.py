"""`radiosem data samples`: what is drawn from a data set can be sent."""

import json

import numpy as np
import pytest

from radiosem.errors import InputError
from radiosem.images import read_grey
from radiosem.scale import RAYTRACED
from radiosem.types import Grid
from testbed.data.samples import write_observations
from testbed.observation import read_samples, read_transmitters
from tests.testbed.data.conftest import SIDE, run


def test_samples_are_what_send_reads(sound, tmp_path):
    written = write_observations(sound, tmp_path, 300, seed=4)
    assert sorted(written) == [f"{block}_{k}" for block in "1234" for k in (0, 1)]
    noise_db = []
    for name, (count, heard, floor_dbm) in written.items():
        block, k = name.split("_")
        grid = Grid(SIDE, SIDE)
        (transmitter,) = read_transmitters(tmp_path / name / "transmitters.json", grid)
        samples = read_samples(tmp_path / name / "samples.csv", grid, 1)
        assert [transmitter.col, transmitter.row, 10.0] == json.loads((sound / f"antenna/{block}.json").read_text())[
            int(k)
        ]
        assert len(samples) == count == 300
        assert 200 < heard == (samples.power_dbm > floor_dbm).sum() < 300
        assert len({*zip(samples.col, samples.row, strict=True)}) == count
        grey = read_grey(sound / f"gain/RT/{block}_{k}.png")[samples.row, samples.col]
        assert (samples.power_dbm[grey == 0] == floor_dbm).all()
        noise_db += (samples.power_dbm - (RAYTRACED.gain_db(grey / 255) + 23))[grey > 3].tolist()
    assert np.std(noise_db) == pytest.approx(1, abs=0.08)
    assert np.mean(noise_db) == pytest.approx(0, abs=0.1)


def test_samples_of_a_map_hang_on_seed_and_map_alone(sound, tmp_path):
    write_observations(sound, tmp_path / "a", 50, seed=1)
    write_observations(sound, tmp_path / "b", 50, seed=1, split="test")
    write_observations(sound, tmp_path / "c", 50, seed=2, split="test")
    a, b, c = ((tmp_path / name / "4_1/samples.csv").read_text() for name in "abc")
    assert a == b != c
    assert a != (tmp_path / "a/4_0/samples.csv").read_text()


def test_samples_of_a_map_with_cars_bring_their_mask(sound, tmp_path):
    result = run("samples", sound, tmp_path, "--gain", "carsRT", "--split", "train", "--count", "100", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["maps"] == 2
    assert (read_grey(tmp_path / "1_1/cars.png") > 127).sum() == 8


def test_samples_that_cannot_be_drawn_are_refused_by_name(data, tmp_path):
    with pytest.raises(InputError, match="gain is 'DPM'"):
        write_observations(data, tmp_path, 10, 0, gain="DPM")
    with pytest.raises(InputError, match="count is 5000, but block 1 has"):
        write_observations(data, tmp_path, 5000, 0)
    (data / "dataset.json").write_text('{"tiles": {}}')
    with pytest.raises(InputError, match="names no floor_db"):
        write_observations(data, tmp_path, 10, 0)
