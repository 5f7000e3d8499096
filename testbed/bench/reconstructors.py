"""The reconstructors that can be scored, the weights each depends on, and whether networks saw the maps before."""

from collections.abc import Sequence

import numpy as np

from radiosem import weights
from radiosem.features import generator_features
from radiosem.pathloss import PRIOR
from radiosem.scale import RAYTRACED
from radiosem_models.data import Dataset, MapKey
from testbed.bench.clipped import clipped
from testbed.reconstruct import RECONSTRUCTORS, Rebuild, network_of


def reconstructor_names() -> tuple[str, ...]:
    """Ids on the command line of every reconstructor that runs here, without those that need samples."""
    return tuple(RECONSTRUCTORS)


def load_reconstructor(name: str, threads: int, lean: bool = True) -> Rebuild:
    """What turns channels into a map; `lean` as of `radiosem.inference.Network`."""
    return RECONSTRUCTORS[name](threads, lean)


def weights_of(name: str) -> dict[str, str]:
    """SHA-256 of the network a reconstructor runs; none for a formula."""
    network = network_of(name)
    return {} if network is None else {network: weights.entry(network).sha256}


def clipped_mse(name: str, dataset: Dataset, keys: Sequence[MapKey], threads: int) -> float:
    """Sample-free MSE of all pixels of all maps, in the convention that cuts grey at 0.2.

    A data set whose scale is not known is compared as it is.
    """
    rebuild, errors, pixels = load_reconstructor(name, threads), [], []
    for key in keys:
        buildings, transmitter = dataset.block(key.block_id).buildings, dataset.transmitter(key)
        grid = dataset.grid(key.block_id)
        grey = rebuild(generator_features(buildings, dataset.cars(key), transmitter, PRIOR, grid, rebuild.channels))
        if dataset.known_scale is not None:
            grey = dataset.known_scale.grey(RAYTRACED.gain_db(grey))
        truth = np.where(buildings, 0, dataset.grey(key) / np.float32(255))
        errors.append(float(((clipped(np.where(buildings, 0, grey)) - clipped(truth)) ** 2).sum()))
        pixels.append(truth.size)
    return sum(errors) / sum(pixels)
