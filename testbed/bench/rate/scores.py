"""Scene and received map -> one row of scores, in both conventions of grey that papers use."""

import dataclasses

import numpy as np

from radiosem.scores.metrics import MapScores, score_map
from radiosem.types import DEFAULT_THRESHOLD_DBM
from testbed.bench.rate.scenes import Scene
from testbed.bench.rate.senders import Received
from testbed.scores.clipped import clipped_mse


def nothing_received(scene: Scene) -> Received:
    """The map of a far end that heard nothing: the floor everywhere, no building."""
    floor = np.full(scene.grid.shape, scene.scale.floor_db, np.float32)
    return Received(floor, np.zeros(scene.grid.shape, np.bool_))


def score_received(scene: Scene, received: Received) -> dict[str, float | None]:
    """Scores of `radiosem.scores.metrics.MapScores`, and `mse_clipped` and `wrong_pixel_share`.

    Sampled cells are left out of every score but ssim, for every sender alike.
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
        "mse_clipped": clipped_mse(scene.truth_grey, grey, scene.sampled),
        "wrong_pixel_share": float((received.buildings != scene.buildings).mean()),
    }
