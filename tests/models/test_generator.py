"""What the generator learns from: masks as edges send them, and no lesson where they are wrong."""

import numpy as np
import pytest
import torch

from radiosem.physics.features import CHANNELS
from radiosem_models.data import Dataset
from radiosem_models.generator import Generator, MapLoader, roughened
from radiosem_models.rendering.procedural import procedural_heights


@pytest.mark.parametrize("kind", ["perimeter", "suburb"])
def test_a_roughened_mask_is_about_as_wrong_as_a_segmented_one(kind):
    buildings = procedural_heights(0, kind) > 0
    rng = np.random.default_rng(0)
    ious = []
    for _ in range(10):
        rough = roughened(buildings, rng)
        assert rough.shape == buildings.shape
        ious.append((rough & buildings).sum() / (rough | buildings).sum())
    assert 0.5 < min(ious) < max(ious) < 0.99
    assert np.median(ious) < 0.95


def test_pixels_where_the_received_mask_is_wrong_weigh_nothing(city):
    dataset = Dataset(city)
    loader = MapLoader(dataset, dataset.keys("train", ("RT",)))
    features, _, weight = loader.draw(4, np.random.default_rng(0), rough=1.0)
    clean, _, all_ones = loader.draw(4, np.random.default_rng(0), rough=0.0)
    assert weight.shape == features[:, :1].shape
    assert 0.3 < float(weight.mean()) < 1
    assert bool((all_ones == 1).all())
    buildings = CHANNELS.index("buildings")
    assert float((features[:, buildings] - clean[:, buildings]).abs().mean()) > 0
    place = features[:, CHANNELS.index("transmitter")] > 0
    assert not bool(features[:, buildings][place].any())  # a transmitter stands outdoors


def test_the_generator_starts_as_what_rays_bring():
    features = torch.from_numpy(np.random.default_rng(0).random((1, len(CHANNELS), 32, 32), np.float32))
    features[:, 0] = (features[:, 0] > 0.7).float()
    grey = Generator((8, 16))(features)
    assert torch.allclose(grey[:, 0], features[:, CHANNELS.index("rays")] * (1 - features[:, 0]))
