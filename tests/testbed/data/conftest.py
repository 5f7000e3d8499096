"""A sound data set with cars and noise, a copy to spoil, and the command that works on them."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from radiosem.scale import RAYTRACED
from testbed.cli import app

SIDE = 64
SPLITS = {"1": "train", "2": "train", "3": "val", "4": "test"}


@pytest.fixture(scope="session")
def sound(tmp_path_factory) -> Path:
    """Four blocks of 64 x 64 m, two transmitters each, cars in the first; nothing is wrong with it."""
    root, rng = tmp_path_factory.mktemp("sound"), np.random.default_rng(0)
    for folder in ("png/buildings_complete", "png/cars", "png/heights", "antenna", "gain/RT", "gain/carsRT"):
        (root / folder).mkdir(parents=True)
    tiles = {}
    for number, (block, split) in enumerate(SPLITS.items()):
        buildings = np.zeros((SIDE, SIDE), bool)
        for row, col in rng.integers(0, SIDE - 16, (4, 2)):
            buildings[row : row + 12, col : col + 14] = True
        write(root / f"png/buildings_complete/{block}.png", buildings * 255)
        write(root / f"png/heights/{block}.png", buildings * 12)
        places = rng.permutation(np.argwhere(~buildings))[:2]
        (root / f"antenna/{block}.json").write_text(json.dumps([[int(c), int(r), 10.0] for r, c in places]))
        models = ["RT", "carsRT"] if block == "1" else ["RT"]
        for model in models:
            for k in range(2):
                grey = np.where(buildings, 0, rng.integers(1, 200, buildings.shape))
                grey[:8] = 0  # censored
                write(root / f"gain/{model}/{block}_{k}.png", grey)
        if block == "1":
            cars = np.zeros((SIDE, SIDE))
            cars[10:12, 20:24] = 255
            write(root / "png/cars/1.png", cars)
        tiles[block] = {"city": f"city {split}", "split": split, "cx": 64.0 * number, "cy": 0.0, "transmitters": 2}
    tiles["1"]["noise_db"] = {"RT": [1.0, 2.0], "carsRT": [3.0, None]}
    about = {"floor_db": RAYTRACED.floor_db, "top_db": RAYTRACED.top_db, "cell_size_m": 1.0, "tiles": tiles}
    (root / "dataset.json").write_text(json.dumps(about))
    return root


@pytest.fixture
def data(sound, tmp_path) -> Path:
    """A copy to spoil."""
    return shutil.copytree(sound, tmp_path / "data")


def write(path, image):
    cv2.imwrite(str(path), np.asarray(image, np.uint8))


def run(*arguments):
    return CliRunner().invoke(app, ["data", *map(str, arguments)], env={"COLUMNS": "200", "TERM": "dumb"})
