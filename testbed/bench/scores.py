"""Scene and received map -> one row of scores, in both conventions of grey that papers use."""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiosem.metrics import DEFAULT_THRESHOLD_DBM, MapScores, score_map
from testbed.bench.scenes import Scene
from testbed.bench.senders import Received

CLIP = 0.2  # RadioUNet's and RadioFlow's loaders cut gains below and stretch the rest (arXiv 1911.09002)


def clipped(grey: NDArray[Any]) -> NDArray[np.float64]:
    """Grey in [0, 1] -> the share of it above 0.2, stretched to [0, 1]."""
    return np.asarray((np.clip(grey, CLIP, 1).astype(np.float64) - CLIP) / (1 - CLIP))


def nothing_received(scene: Scene) -> Received:
    """The map of a far end that heard nothing: the floor everywhere, no building."""
    floor = np.full(scene.grid.shape, scene.scale.floor_db, np.float32)
    return Received(floor, np.zeros(scene.grid.shape, np.bool_))


def score_received(scene: Scene, received: Received) -> dict[str, float | None]:
    """Scores of `radiosem.metrics.MapScores`, and `mse_clipped` and `wrong_pixel_share`.

    Sampled cells are left out of the outdoor, dB and outage scores, for every sender alike.
    """
    gain_db = np.maximum(received.gain_db, scene.scale.floor_db)
    scores: MapScores = score_map(
        scene.truth_grey,
        gain_db,
        scene.buildings,
        received.buildings,
        scene.scale,
        scene.in_sight,
        scene.sampled,
        scene.power_dbm,
        DEFAULT_THRESHOLD_DBM,
    )
    grey = np.where(received.buildings, 0, scene.scale.grey(gain_db))
    return {
        **dataclasses.asdict(scores),
        "mse_clipped": float(((clipped(grey) - clipped(scene.truth_grey)) ** 2).mean()),
        "wrong_pixel_share": float((received.buildings != scene.buildings).mean()),
    }
