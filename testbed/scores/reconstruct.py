"""Reconstructor and data set -> scores of the maps it rebuilds, pooled and map by map; refused where it saw them."""

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiosem.errors import InputError
from radiosem.physics.depth import free_share
from radiosem.physics.features import generator_features
from radiosem.physics.pathloss import PRIOR
from radiosem.scale import RAYTRACED, Grey, Scale
from radiosem.scores.metrics import MapScores, score_grey, score_map
from radiosem.scores.pooling import Interval, pooled, pooled_interval
from radiosem_models.data import Dataset, MapKey
from testbed.environment import peak_mb
from testbed.interpolation import INTERPOLATORS
from testbed.interpolation.readings import LARGEST_SHARE, LEAST_SHARE, check_share, draw_readings
from testbed.scores.clipped import clipped_mse
from testbed.scores.leaks import (
    CONSTANTS,
    seen_or_refused,
    selected_blocks,
    training_fingerprints,
)
from testbed.scores.reconstructors import RECONSTRUCTORS, Rebuild, network_of


@dataclass(frozen=True)
class Evaluation:
    """Pooled scores of one reconstructor over a split, with what a reader must know to compare them.

    mse_clipped    MSE after both greys are cut at 0.2 and the rest is stretched, see `testbed.scores.clipped`
    mse_interval   95 % bootstrap of the MSE over regions, and the lowest and highest of a region; so of nmse and rmse
    regions        independent blocks: blocks that share ground count once
    regions_known  False when some block has no place, and so counts as a region of its own
    ms_per_map     from inputs to map, once everything is loaded and compiled
    peak_mb        largest resident memory of the process after one map, before leaks are looked for and maps scored
    samples        share of the outdoor pixels that were read, None for a sample-free score
    seen           True when some of the maps show buildings that the network saw in training: no score of unseen cities
    seen_maps      how many
    selected_maps  how many show buildings of the validation split, by which the network's weights were selected; None
                   where it does not say which these were
    mse_by_map     "BLOCK_TRANSMITTER" -> its MSE
    """

    model: str
    data: str
    gain: str
    split: str
    split_sha256: str
    truth_sha256: str
    maps: int
    scores: MapScores
    mse_clipped: float
    mse_interval: Interval | None
    nmse_interval: Interval | None
    rmse_interval: Interval | None
    regions: int
    regions_known: bool
    ms_per_map: float
    peak_mb: float
    scaling: str
    samples: float | None
    seen: bool
    seen_maps: int
    selected_maps: int | None
    mse_by_map: dict[str, float]

    def as_dict(self, by_map: bool = False) -> dict[str, Any]:
        """Flat, for JSON; with the error of every map only where that is asked for."""
        left_out = {"scores"} if by_map else {"scores", "mse_by_map"}
        rest = {k: v for k, v in dataclasses.asdict(self).items() if k not in left_out}
        return rest | dataclasses.asdict(self.scores)


def evaluate(
    model: str,
    data_dir: Path,
    gain: str = "RT",
    split: str = "test",
    threads: int = 0,
    report: Callable[[int, int], None] = lambda done, of: None,
    samples: float | None = None,
    allow_seen: bool = False,
) -> Evaluation:
    """Score a reconstructor: sample-free, from true mask, transmitter and the prior law; or from samples alone.

    model       key of `RECONSTRUCTORS`, or of `INTERPOLATORS`
    data_dir    folder in RadioMapSeer's layout
    gain        simulation, a folder below gain/; cars are an input where its name begins with cars
    split       train, val, test, or all
    threads     CPU threads of a network, 0 for every core
    report      called with maps done and maps in all
    samples     for interpolators: share of the outdoor pixels, 0.001..0.1, drawn by seed and left out of every score
                but ssim
    allow_seen  score maps whose buildings the network saw in training too
    returns     scores pooled over maps, see `radiosem.scores.pooling.pooled`
    raises      InputError on an unknown model, split or gain, on samples that the model takes none of or lacks, and on
                maps that the network saw in training
    """
    _check_model(model, samples)
    dataset = Dataset(data_dir)
    keys = dataset.some_keys(split, (gain,))
    draw = _from_samples(model, samples) if samples else _by_network(RECONSTRUCTORS[model](threads))
    _score(dataset, keys[0], draw(dataset, keys[0]))  # the first call compiles, and sets memory aside
    memory_mb = peak_mb()
    seen = _check_unseen(model, dataset, keys, allow_seen)
    scores, cut, seconds = [], 0.0, 0.0
    for done, key in enumerate(keys):
        report(done, len(keys))
        rebuilt = draw(dataset, key)
        map_scores, map_cut = _score(dataset, key, rebuilt)
        scores.append(map_scores)
        cut += map_cut * map_scores.pixels
        seconds += rebuilt.took_s
    regions = [dataset.region(key.block_id) for key in keys]
    return Evaluation(
        model,
        dataset.name,
        gain,
        split,
        dataset.split_hash(split),
        dataset.truth_hash(keys),
        len(keys),
        pooled(scores),
        cut / sum(one.pixels for one in scores),
        pooled_interval(scores, "mse", regions, seed=0),
        pooled_interval(scores, "nmse", regions, seed=0),
        pooled_interval(scores, "rmse", regions, seed=0),
        len({*regions}),
        dataset.regions_known(split),
        1000 * seconds / len(keys),
        memory_mb,
        _scaling(dataset.known_scale),
        samples,
        bool(seen),
        sum(key.block_id in seen for key in keys),
        _selected_maps(model, dataset, keys),
        {key.name: one.mse for key, one in zip(keys, scores, strict=True)},
    )


def _check_model(model: str, samples: float | None) -> None:
    if model not in RECONSTRUCTORS and model not in INTERPOLATORS:
        known = ", ".join(sorted((*RECONSTRUCTORS, *INTERPOLATORS)))
        raise InputError(f"model is {model!r}; known are {known}")
    if model in INTERPOLATORS and samples is None:
        raise InputError(
            f"model {model} rebuilds from samples: say which share of the outdoor pixels is read, "
            f"{LEAST_SHARE}..{LARGEST_SHARE}"
        )
    if model not in INTERPOLATORS and samples is not None:
        raise InputError(f"samples is {samples}, but model {model} takes none; {', '.join(INTERPOLATORS)} do")
    if samples is not None:
        check_share(samples)


def _check_unseen(model: str, dataset: Dataset, keys: list[MapKey], allow_seen: bool) -> dict[str, float]:
    """Share of known patches of each block that the model saw in training; all of all, where it does not say.

    raises  InputError unless seen maps are allowed
    """
    if model in INTERPOLATORS:
        return {}  # learns from the readings of its map alone
    masks, network = dataset.masks_at_a_metre(key.block_id for key in keys), network_of(model)

    seen = seen_or_refused(model, masks, lambda: training_fingerprints(network or CONSTANTS), allow_seen)
    return dict.fromkeys(masks, 1.0) if seen is None else seen


def _selected_maps(model: str, dataset: Dataset, keys: list[MapKey]) -> int | None:
    """How many maps are of blocks by which a network's weights were selected; 0 of what has no weights."""
    network = network_of(model)
    if network is None:
        return 0
    selected = selected_blocks(network, dataset.masks_at_a_metre(key.block_id for key in keys))
    return None if selected is None else sum(key.block_id in selected for key in keys)


@dataclass(frozen=True)
class _Rebuilt:
    """A map as rebuilt, with the seconds it took.

    grey     [H, W] on the data set's own scale
    gain_db  [H, W], not held to that scale; None where the scale is not known
    read     bool [H, W] or None: the pixels of the readings
    """

    grey: Grey
    gain_db: NDArray[np.floating[Any]] | None
    read: NDArray[np.bool_] | None
    took_s: float


Draw = Callable[[Dataset, MapKey], _Rebuilt]


def _by_network(rebuild: Rebuild) -> Draw:
    """Rebuilds from mask and transmitter."""

    def draw(dataset: Dataset, key: MapKey) -> _Rebuilt:
        buildings, transmitter = dataset.block(key.block_id).buildings, dataset.transmitter(key)
        began = time.perf_counter()
        grid = dataset.grid(key.block_id)
        grey = rebuild(generator_features(buildings, dataset.cars(key), transmitter, PRIOR, grid, rebuild.channels))
        took_s = time.perf_counter() - began
        if dataset.known_scale is None:
            return _Rebuilt(grey, None, None, took_s)
        gain_db = RAYTRACED.gain_db(grey)
        return _Rebuilt(dataset.known_scale.grey(gain_db), gain_db, None, took_s)

    return draw


def _from_samples(model: str, share: float) -> Draw:
    """Rebuilds from readings; every map has its own, the same in every run."""

    def draw(dataset: Dataset, key: MapKey) -> _Rebuilt:
        buildings = dataset.block(key.block_id).buildings
        seed = [*f"{key.block_id} {key.transmitter}".encode()]
        readings, read = draw_readings(_truth(dataset, key), buildings, share, np.random.default_rng(seed))
        began = time.perf_counter()
        grey = INTERPOLATORS[model](readings, buildings.shape)
        took_s, scale = time.perf_counter() - began, dataset.known_scale
        return _Rebuilt(grey, None if scale is None else scale.gain_db(grey), read, took_s)

    return draw


def _truth(dataset: Dataset, key: MapKey) -> Grey:
    return np.asarray(dataset.grey(key) / 255, np.float32)


def _score(dataset: Dataset, key: MapKey, rebuilt: _Rebuilt) -> tuple[MapScores, float]:
    """Scores of one map, and its MSE in the convention that cuts grey off."""
    buildings, truth, scale = dataset.block(key.block_id).buildings, _truth(dataset, key), dataset.known_scale
    cut = clipped_mse(np.where(buildings, 0, truth), np.where(buildings, 0, rebuilt.grey), rebuilt.read)
    if scale is None or rebuilt.gain_db is None:
        return score_grey(truth, rebuilt.grey, buildings, buildings, rebuilt.read), cut
    gain_db = np.where(buildings, np.nan, rebuilt.gain_db)
    sight = free_share(buildings, dataset.transmitter(key)) >= 1
    return score_map(truth, gain_db, buildings, buildings, scale, sight, rebuilt.read), cut


def _scaling(scale: Scale | None) -> str:
    if scale is None:
        return "raw grey whose dB are not known: the rebuilt map's grey is compared as it is"
    return f"raw grey, 0 = {scale.floor_db} dB, 1 = {scale.top_db} dB"
