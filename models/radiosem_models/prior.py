"""Radio maps of the training cities -> the constants fitted on them: `python -m radiosem_models.prior DIR`.

They are the prior of the path-loss fit and the regression on the depth map, which stand as numbers in the code.
"""

import sys

import numpy as np
from numpy.typing import NDArray

from radiosem.physics.depth import distance_m
from radiosem.physics.features import CHANNELS, generator_features
from radiosem.physics.pathloss import ENOUGH_SAMPLES, PRIOR
from radiosem_models.data import Dataset, MapKey

SAMPLES_A_MAP = 300


def law_of_map(dataset: Dataset, key: MapKey, rng: np.random.Generator) -> tuple[NDArray[np.float64], float]:
    """Least squares on every outdoor, uncensored pixel within the radius that a fit from 300 samples would use.

    returns  (pl0_db, slope_db) and the root mean square of the residuals, dB
    """
    buildings, grey = dataset.block(key.block_id).buildings, dataset.grey(key)
    distance = distance_m(dataset.grid(key.block_id), dataset.transmitter(key))
    drawn = rng.choice(np.flatnonzero(~buildings), SAMPLES_A_MAP)
    heard = np.sort(distance.ravel()[drawn[grey.ravel()[drawn] > 0]])
    near = (~buildings) & (grey > 0) & (distance <= heard[min(ENOUGH_SAMPLES, len(heard)) - 1])
    design = np.column_stack([np.ones(near.sum()), np.log10(distance[near])])
    loss_db = -dataset.scale.gain_db(grey[near] / 255.0).astype(np.float64)
    law = np.linalg.lstsq(design, loss_db, rcond=None)[0]
    return law, float(np.std(loss_db - design @ law))


def learn_prior(dataset: Dataset) -> dict[str, float]:
    """Mean law of the static training maps, spread between maps, and spread about each map's own law, all dB."""
    rng = np.random.default_rng(0)
    laws, residuals = zip(*(law_of_map(dataset, key, rng) for key in dataset.keys("train", ("RT",))), strict=True)
    mean, spread = np.mean(laws, 0), np.std(laws, 0)
    return {
        "pl0_db": float(mean[0]),
        "slope_db": float(mean[1]),
        "pl0_se_db": float(spread[0]),
        "slope_se_db": float(spread[1]),
        "correlation": float(np.corrcoef(np.transpose(laws))[0, 1]),
        "shadowing_db": float(np.mean(residuals)),
    }


def regress_depth_map(dataset: Dataset) -> dict[str, float]:
    """Least squares of grey on the depth map under the prior law, outdoors in static training maps."""
    normal, moment = np.zeros((2, 2)), np.zeros(2)
    for key in dataset.keys("train", ("RT",)):
        buildings = dataset.block(key.block_id).buildings
        features = generator_features(buildings, None, dataset.transmitter(key), PRIOR, dataset.grid(key.block_id))
        depth = features[CHANNELS.index("depth map")][~buildings].astype(np.float64)
        design = np.column_stack([np.ones_like(depth), depth])
        normal += design.T @ design
        moment += design.T @ (dataset.grey(key)[~buildings] / 255.0)
    offset, slope = np.linalg.solve(normal, moment)
    return {"depth_offset": float(offset), "depth_slope": float(slope)}


if __name__ == "__main__":
    training = Dataset(sys.argv[1])
    for name, value in (learn_prior(training) | regress_depth_map(training)).items():
        print(f"{name} {value:.4f}")
