"""A map id at a receiver -> everything it serves of that map, and its scores against the truth."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiosem.physics.depth import depth_map, in_sight
from radiosem.scores.metrics import MapScores, OutageScores, score_map, score_outage
from radiosem.types import BuildingMap, DepthMap, Grid, PathLoss, RadioMap, Transmitter
from testbed.demo.receiver_client import ReceiverClient
from testbed.pack import PackEntry, Truth


@dataclass(frozen=True)
class ReceivedMap:
    """What the far end has, as it serves it.

    map_dbm         float32 [H, W] received power, NaN in the received buildings
    buildings       bool [H, W], all False when the mask was lost on the air
    outage          bool [H, W], by threshold
    classified      bool [H, W], by the outage classifier
    depth           float32 [H, W] in [0, 1], of the received semantics
    readings        those that came along, as the REST interface tells them
    semantics, provenance  bodies of the REST interface
    """

    map_dbm: RadioMap
    buildings: BuildingMap
    outage: NDArray[np.bool_]
    classified: NDArray[np.bool_]
    depth: DepthMap
    readings: list[dict[str, Any]]
    semantics: dict[str, Any]
    provenance: dict[str, Any]

    @property
    def lost(self) -> list[str]:
        """What was sent and did not arrive: of buildings, cars and readings."""
        return list(self.semantics["lost"])

    @property
    def degraded(self) -> bool:
        """True when the building mask was lost on the air."""
        return bool(self.semantics["degraded"])


def fetch(client: ReceiverClient, map_id: str, threshold_dbm: float) -> ReceivedMap:
    """Ask the receiver for all of one map. raises DeliveryError"""
    path = f"/v1/maps/{map_id}"
    semantics = client.json(f"{path}/semantics")
    grid = Grid(**semantics["grid"])
    lost = semantics["degraded"]
    buildings = np.zeros(grid.shape, np.bool_) if lost else client.overlay(f"{path}/buildings.png")
    transmitters = tuple(
        Transmitter(**{key: entry[key] for key in ("col", "row", "height_m", "power_dbm", "frequency_hz")})
        for entry in semantics["transmitters"]
    )
    laws = tuple(PathLoss(entry["pl0_db"], entry["slope_db"]) for entry in semantics["transmitters"])
    outage = f"{path}/outage.npy"
    return ReceivedMap(
        map_dbm=client.npy(f"{path}/map.npy").astype(np.float32),
        buildings=buildings,
        outage=client.npy(outage, threshold_dbm=threshold_dbm, method="threshold").astype(np.bool_),
        classified=client.npy(outage, threshold_dbm=threshold_dbm, method="classifier").astype(np.bool_),
        depth=depth_map(buildings, transmitters, laws, grid.cell_size_m, weigh="power"),
        readings=semantics["readings"],
        semantics=semantics,
        provenance=client.json(f"{path}/provenance"),
    )


@dataclass(frozen=True)
class LinkScores:
    """Scores of one map that crossed the link; pixels of the samples are left out of all but ssim.

    wrong_building_share  share of all pixels whose received mask differs from the true one
    classifier            outage scores of the classifier
    """

    map: MapScores
    wrong_building_share: float
    classifier: OutageScores


def score(entry: PackEntry, truth: Truth, received: ReceivedMap, threshold_dbm: float) -> LinkScores:
    """Compare a received map with the truth.

    Grey is path gain as seen from the strongest transmitter, on the scale of the truth; several transmitters are
    compared as the sum of their milliwatts. Outage is the received map below the threshold; the classifier's, its own.
    """
    transmitters = entry.transmitters()
    power_dbm = max(transmitter.power_dbm for transmitter in transmitters)
    exclude = entry.samples().cells(entry.grid.shape)  # known there: no prediction is needed
    scores = score_map(
        entry.truth_grey(truth),
        np.maximum(received.map_dbm - power_dbm, entry.scale.floor_db),
        truth.buildings,
        received.buildings,
        entry.scale,
        in_sight(truth.buildings, transmitters),
        exclude,
        power_dbm,
        threshold_dbm,
    )
    believed_dbm = np.where(received.classified | received.buildings, -np.inf, np.inf)
    left_out = truth.buildings | exclude
    classifier = score_outage(truth.power_dbm, truth.censored, believed_dbm, left_out, threshold_dbm)
    return LinkScores(scores, float((received.buildings != truth.buildings).mean()), classifier)
