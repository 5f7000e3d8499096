"""A small data set in RadioMapSeer's layout, made up but physical."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from radiosem.physics.depth import distance_m, free_share
from radiosem.scale import RAYTRACED
from radiosem.types import Grid, Transmitter

SIDE = 64
SPLITS = {"1": "train", "2": "train", "3": "val", "4": "test"}


@pytest.fixture(scope="session")
def city(tmp_path_factory) -> Path:
    """Four blocks of 64 x 64 m with two transmitters each, static maps for all and maps with cars for one.

    Gains are of free space in sight, 25 dB less in shadow.
    """
    root = tmp_path_factory.mktemp("city")
    rng = np.random.default_rng(0)
    for folder in ("png/buildings_complete", "png/cars", "png/heights", "antenna", "gain/RT", "gain/carsRT"):
        (root / folder).mkdir(parents=True)
    for block in SPLITS:
        buildings = np.zeros((SIDE, SIDE), bool)
        for _ in range(4):
            row, col = rng.integers(0, SIDE - 16, 2)
            buildings[row : row + 12, col : col + 14] = True
        cv2.imwrite(str(root / f"png/buildings_complete/{block}.png"), buildings.astype(np.uint8) * 255)
        cv2.imwrite(str(root / f"png/heights/{block}.png"), buildings.astype(np.uint8) * 12)
        places = rng.permutation(np.argwhere(~buildings))[:2]
        (root / f"antenna/{block}.json").write_text(json.dumps([[int(c), int(r), 10.0] for r, c in places]))
        for k, (row, col) in enumerate(places):
            transmitter = Transmitter(int(col), int(row))
            gain_db = -47.9 - 20 * np.log10(distance_m(Grid(SIDE, SIDE), transmitter))
            sight = free_share(buildings, transmitter) >= 1
            grey = np.where(buildings, 0, RAYTRACED.grey(gain_db - 25.0 * ~sight))
            cv2.imwrite(str(root / f"gain/RT/{block}_{k}.png"), np.rint(grey * 255).astype(np.uint8))
            if block == "1":
                cv2.imwrite(str(root / f"gain/carsRT/{block}_{k}.png"), np.rint(grey * 250).astype(np.uint8))
        if block == "1":
            cars = np.zeros((SIDE, SIDE), np.uint8)
            cars[10:12, 20:24] = 255
            cv2.imwrite(str(root / f"png/cars/{block}.png"), cars)
    tiles = {block: {"city": f"city {block}", "split": split} for block, split in SPLITS.items()}
    about = {"floor_db": RAYTRACED.floor_db, "top_db": RAYTRACED.top_db, "frequency_hz": 5.9e9, "tiles": tiles}
    (root / "dataset.json").write_text(json.dumps(about))
    return root


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)
