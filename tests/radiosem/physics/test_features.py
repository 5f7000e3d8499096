"""Every channel of the reconstruction networks' input is what its name says, alone or among the others."""

import multiprocessing

import numpy as np
import pytest

from radiosem.errors import InputError
from radiosem.physics.features import CHANNELS, generator_features, scene_features, set_law
from radiosem.types import Grid, PathLoss, Transmitter

GRID, TX, LAW = Grid(96, 80), Transmitter(col=20, row=50), PathLoss(50.0, 30.0)
BUILDINGS = np.zeros(GRID.shape, bool)
BUILDINGS[20:70, 40:55] = BUILDINGS[20:70, 4:10] = True
CARS = np.zeros(GRID.shape, bool)
CARS[80:82, 10:14] = True


def channel(features: np.ndarray, name: str) -> np.ndarray:
    return np.asarray(features[CHANNELS.index(name)])


@pytest.mark.parametrize("name", CHANNELS)
def test_a_channel_asked_for_alone_is_the_one_among_all(name: str) -> None:
    whole = generator_features(BUILDINGS, CARS, TX, LAW, GRID)
    alone = generator_features(BUILDINGS, CARS, TX, LAW, GRID, (name,))
    assert whole.shape == alone.shape == (len(CHANNELS), *GRID.shape)
    assert channel(whole, name).any()
    np.testing.assert_array_equal(channel(alone, name), channel(whole, name))


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # from Python 3.12 on, of a fork beside threads
def test_a_fork_of_a_process_that_made_features_makes_its_own() -> None:
    here = generator_features(BUILDINGS, CARS, TX, LAW, GRID)
    with multiprocessing.get_context("fork").Pool(1) as pool:
        there = pool.apply_async(generator_features, (BUILDINGS, CARS, TX, LAW, GRID)).get(timeout=60)
    np.testing.assert_array_equal(there, here)


def test_a_law_changes_its_own_channels_alone() -> None:
    scene = scene_features(BUILDINGS, CARS, TX, GRID)
    assert not channel(scene, "law").any()
    for law in (PathLoss(40.0, 20.0), LAW):  # a second law leaves nothing of the first
        set_law(scene, law)
    np.testing.assert_array_equal(scene, generator_features(BUILDINGS, CARS, TX, LAW, GRID))


def test_rays_bring_free_space_where_it_is_seen_and_more_around_corners() -> None:
    features = generator_features(BUILDINGS, CARS, TX, LAW, GRID)
    sight, rays = channel(features, "sight") > 0, channel(features, "rays")
    assert (rays >= channel(features, "free space") - 1e-6).all()
    for part in ("reflected once", "reflected again", "diffracted"):
        assert (rays >= channel(features, part) - 1e-6).all()
    behind = ~sight & ~BUILDINGS
    assert rays[behind].any()
    assert not rays[BUILDINGS].any()
    assert 0 <= features.min() <= features.max() <= 1.5


def test_a_transmitter_outside_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="col 80, row 3 is outside the grid"):
        generator_features(BUILDINGS, None, Transmitter(col=80, row=3), LAW, GRID)
