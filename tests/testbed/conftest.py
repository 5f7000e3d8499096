"""What the rig's tests share: a map that arrived, without services, and a city in RadioMapSeer's layout."""

import json
import os
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from radiosem.physics.depth import depth_map, distance_m, free_share
from radiosem.scale import RAYTRACED
from radiosem.types import Grid, PathLoss, Transmitter
from radiosem_proto.v1 import radiosem_pb2 as pb
from testbed.demo.arrival import Arrival
from testbed.demo.received import ReceivedMap, score
from testbed.pack import PackEntry, open_pack

THRESHOLD_DBM = -90.0
SIDE = 64
PLACES_M = ((0.0, 0.0), (32.0, 0.0), (500.0, 0.0))  # the first two blocks overlap


@pytest.fixture(autouse=True)
def _children_find_the_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service is a child process: it looks for packages where pytest was told to."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))


@pytest.fixture(scope="session")
def small_city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three test blocks of 64 x 64 m on two pieces of ground, one transmitter each, the outskirts below the floor."""
    root = tmp_path_factory.mktemp("small_city")
    rng = np.random.default_rng(0)
    for folder in ("png/buildings_complete", "antenna", "gain/RT"):
        (root / folder).mkdir(parents=True)
    tiles = {}
    for number, (east_m, north_m) in enumerate(PLACES_M):
        buildings = np.zeros((SIDE, SIDE), bool)
        for _ in range(4):
            row, col = rng.integers(0, SIDE - 16, 2)
            buildings[row : row + 12, col : col + 14] = True
        row, col = rng.permutation(np.argwhere(~buildings))[0]
        transmitter = Transmitter(int(col), int(row))
        gain_db = -47.9 - 20 * np.log10(distance_m(Grid(SIDE, SIDE), transmitter))
        gain_db -= 25.0 * (free_share(buildings, transmitter) < 1)
        grey = np.where(buildings, 0, RAYTRACED.grey(gain_db))
        grey[:, :4] = 0
        cv2.imwrite(str(root / f"png/buildings_complete/{number}.png"), buildings.astype(np.uint8) * 255)
        cv2.imwrite(str(root / f"gain/RT/{number}_0.png"), np.rint(grey * 255).astype(np.uint8))
        (root / f"antenna/{number}.json").write_text(json.dumps([[int(col), int(row), 10.0]]))
        tiles[str(number)] = {"city": "here", "split": "test", "cx": east_m, "cy": north_m}
    about = {"floor_db": RAYTRACED.floor_db, "top_db": RAYTRACED.top_db, "tiles": tiles}
    (root / "dataset.json").write_text(json.dumps(about))
    return root


@pytest.fixture(scope="session")
def entries() -> dict[str, PackEntry]:
    """The committed sample pack by id."""
    return {entry.id: entry for entry in open_pack()}


def arrive(entry: PackEntry, error_db: float = 3.0) -> Arrival:
    """An observation as if a receiver had rebuilt its map `error_db` too strong and lost a strip of its mask."""
    truth, transmitters = entry.truth(), entry.transmitters()
    buildings = truth.buildings.copy()
    buildings[:8] = False
    map_dbm = np.where(truth.buildings, np.float32(-120), truth.power_dbm + np.float32(error_db))
    map_dbm[buildings] = np.nan
    laws = tuple(PathLoss(40.0, 30.0) for _ in transmitters)
    outage = map_dbm < THRESHOLD_DBM
    received = ReceivedMap(
        map_dbm=map_dbm.astype(np.float32),
        buildings=buildings,
        outage=outage,
        classified=outage,
        depth=depth_map(buildings, transmitters, laws, weigh="power"),
        readings=[{"transmitter": 0, "col": 30, "row": 20, "power_dbm": -80.0, "heard": True}],
        semantics={"degraded": False, "lost": []},
        provenance={
            "codec": "context:00112233",
            "link": "qpsk-1/2",
            "payload_bits": 4000,
            "channel_uses": 4400,
            "es_n0_db": 10.0,
            "bit_errors": 2,
            "coded_bits": 8800,
            "models": [{"name": "generator", "sha256": "ab" * 32, "device": "cpu"}],
            "receiver_ms": 50.0,
            "stage_ms": {"decode": 20.0, "generate": 30.0},
        },
    )
    receipt = pb.Receipt(
        status=pb.STATUS_ACCEPTED,
        map_id="0" * 32,
        stage_ms={"edge_segment": 60.0, "edge_fit": 2.0, "edge_deliver": 80.0, "decode": 20.0},
    )
    return Arrival(entry, truth, receipt, received, score(entry, truth, received, THRESHOLD_DBM))


@pytest.fixture(scope="session")
def arrival(entries: dict[str, PackEntry]) -> Arrival:
    """The two-transmitter observation, arrived."""
    return arrive(entries["florence-10-two"])
