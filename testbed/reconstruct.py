"""Mask, transmitter and one average law -> radio map, by every reconstructor; and their sample-free scores."""

import dataclasses
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from radiosem.errors import InputError
from radiosem.features import CHANNELS, generator_features
from radiosem.inference import load_network
from radiosem.metrics import MapScores, bootstrap_interval, score_grey, score_map
from radiosem.pathloss import PRIOR
from radiosem.scale import RAYTRACED, Scale
from radiosem.types import Grid
from radiosem_models.data import Dataset, MapKey

Features = NDArray[np.float32]  # [C, H, W], see radiosem.features
Grey = NDArray[np.float32]  # [H, W] in [0, 1], `raytraced` scale
LAW, DEPTH, SIGHT = (CHANNELS.index(name) for name in ("law", "depth map", "sight"))

# Least squares of grey on the depth map over the outdoor pixels of the 1,214 static maps of the training cities;
# `radiosem_models.prior` recomputes them.
DEPTH_OFFSET, DEPTH_SLOPE = -0.1819, 1.4614


def _path_loss(threads: int) -> Callable[[Features], Grey]:
    return lambda features: features[LAW]


def _depth_map(threads: int) -> Callable[[Features], Grey]:
    return lambda features: np.clip(DEPTH_OFFSET + DEPTH_SLOPE * features[DEPTH], 0, 1)


def _cgan(threads: int) -> Callable[[Features], Grey]:
    network = load_network("generator", threads)
    return lambda features: network(features=features[None])[0][0, 0]


# Name on the command line -> what loads it: a new reconstructor is one function and one line here.
RECONSTRUCTORS: dict[str, Callable[[int], Callable[[Features], Grey]]] = {
    "path-loss": _path_loss,
    "depth-map": _depth_map,
    "cgan": _cgan,
}


@dataclass(frozen=True)
class Evaluation:
    """Mean scores of one reconstructor over a split, with what a reader must know to compare them."""

    model: str
    data: str
    gain: str
    split: str
    split_sha256: str
    maps: int
    scores: MapScores
    mse_interval: tuple[float | None, float | None]
    regions: int
    ms_per_map: float
    peak_mb: float
    scaling: str

    def as_dict(self) -> dict[str, object]:
        """Flat, for JSON."""
        rest = {k: v for k, v in dataclasses.asdict(self).items() if k != "scores"}
        return rest | dataclasses.asdict(self.scores)


def evaluate(
    model: str,
    data_dir: Path,
    gain: str = "RT",
    split: str = "test",
    threads: int = 0,
    report: Callable[[int, int], None] = lambda done, of: None,
) -> Evaluation:
    """Score a reconstructor sample-free: true mask, transmitter, and the prior law in place of a fitted one.

    model     key of `RECONSTRUCTORS`
    data_dir  folder in RadioMapSeer's layout
    gain      simulation, a folder below gain/; cars are an input where its name begins with cars
    split     train, val, test, or all
    threads   CPU threads of a network, 0 for every core
    report    called with maps done and maps in all
    returns   means over maps; the interval of the MSE is a 95 % bootstrap over regions, blocks that share ground
    raises    InputError on an unknown model, split or gain
    """
    if model not in RECONSTRUCTORS:
        raise InputError(f"model is {model!r}; known are {', '.join(sorted(RECONSTRUCTORS))}")
    dataset = Dataset(data_dir)
    keys = dataset.keys(split, (gain,))
    if not keys:
        raise InputError(f"gain is {gain!r}, of which split {split!r} of {data_dir} has no maps")
    rebuild = RECONSTRUCTORS[model](threads)
    scores, seconds = [], 0.0
    for done, key in enumerate(keys):
        report(done, len(keys))
        map_scores, took_s = _score(dataset, key, rebuild)
        scores.append(map_scores)
        seconds += took_s
    interval = bootstrap_interval([s.mse for s in scores], [dataset.region(k.block_id) for k in keys], seed=0)
    return Evaluation(
        model,
        Path(data_dir).name,
        gain,
        split,
        dataset.split_hash(split),
        len(keys),
        mean_scores(scores),
        (interval.low, interval.high),
        interval.blocks,
        1000 * seconds / len(keys),
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        _scaling(dataset.known_scale),
    )


def _score(dataset: Dataset, key: MapKey, rebuild: Callable[[Features], Grey]) -> tuple[MapScores, float]:
    """The scores of one map, and the seconds from mask to map."""
    buildings, transmitter = dataset.block(key.block_id).buildings, dataset.transmitter(key)
    began = time.perf_counter()
    features = generator_features(buildings, dataset.cars(key), transmitter, PRIOR, Grid(*buildings.shape))
    rebuilt = rebuild(features)
    took_s = time.perf_counter() - began
    truth, scale = dataset.grey(key) / np.float32(255), dataset.known_scale
    if scale is None:
        return score_grey(truth, rebuilt, buildings, buildings), took_s
    gain_db = np.where(buildings, np.nan, RAYTRACED.gain_db(rebuilt))
    return score_map(truth, gain_db, buildings, buildings, scale, features[SIGHT] > 0), took_s


def _scaling(scale: Scale | None) -> str:
    if scale is None:
        return "raw grey whose dB are not known: the rebuilt map's grey is compared as it is"
    return f"raw grey, 0 = {scale.floor_db} dB, 1 = {scale.top_db} dB"


def mean_scores(scores: list[MapScores]) -> MapScores:
    """Means over maps; a score that some maps do not define is the mean over those that do."""

    def mean(name: str) -> float | None:
        known = [value for s in scores if (value := getattr(s, name)) is not None]
        return float(np.mean(known)) if known else None

    return MapScores(**{field.name: mean(field.name) for field in dataclasses.fields(MapScores)})  # type: ignore[arg-type]
