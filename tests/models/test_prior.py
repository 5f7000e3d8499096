"""The constants fitted on training maps are the least squares they claim to be."""

import numpy as np

from radiosem.physics.features import CHANNELS, generator_features
from radiosem.physics.pathloss import PRIOR
from radiosem.types import Grid
from radiosem_models.data import Dataset
from radiosem_models.prior import learn_prior, regress_depth_map


def test_the_depth_map_regression_is_least_squares_over_outdoor_pixels_of_training_maps(city):
    dataset = Dataset(city)
    depths, greys = [], []
    for key in dataset.keys("train", ("RT",)):
        buildings = dataset.block(key.block_id).buildings
        features = generator_features(buildings, None, dataset.transmitter(key), PRIOR, Grid(*buildings.shape))
        depths.append(features[CHANNELS.index("depth map")][~buildings])
        greys.append(dataset.grey(key)[~buildings] / 255)
    slope, offset = np.polyfit(np.concatenate(depths).astype(float), np.concatenate(greys), 1)
    found = regress_depth_map(dataset)
    np.testing.assert_allclose([found["depth_slope"], found["depth_offset"]], [slope, offset], rtol=1e-6)


def test_the_prior_stays_near_free_space_on_maps_made_of_it(city):
    prior = learn_prior(Dataset(city))
    assert 10 < prior["slope_db"] < 40
    assert prior["shadowing_db"] < 15  # 25 dB between sight and shadow is all there is
