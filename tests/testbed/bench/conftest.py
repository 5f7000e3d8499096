"""A made-up city to sweep: free space in sight, 25 dB less in shadow, in RadioMapSeer's layout."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from radiosem.depth import distance_m, free_share
from radiosem.scale import RAYTRACED
from radiosem.types import Grid, Transmitter
from server_rx.networks import load_networks
from server_rx.pipeline import Pipeline
from testbed.bench.scenes import DataSource, Scene

SIDE = 64
PLACES_M = ((0.0, 0.0), (32.0, 0.0), (500.0, 0.0))  # the first two blocks overlap


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
def networks() -> Any:
    """The receiver's networks and codecs."""
    return load_networks(threads=1)


@pytest.fixture(scope="session")
def pipeline(networks: Any) -> Pipeline:
    """The receiver's pipeline."""
    return Pipeline(networks.generator, networks.codecs)


@pytest.fixture
def scene(small_city: Path) -> Scene:
    """The first map of the small city."""
    source = DataSource(small_city)
    return source.scene(source.ids()[0])
