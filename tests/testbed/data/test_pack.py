"""`radiosem data pack`: what a data set gives to be sent, the same for the same seed."""

import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from radiosem.errors import InputError
from testbed.data.pack import Choice, every_map, make_pack
from testbed.pack import open_pack


def data_set(folder: Path) -> Path:
    """A data set of one small block with two transmitters, in the layout the maker reads."""
    rng = np.random.default_rng(1)
    buildings = np.zeros((64, 64), np.uint8)
    buildings[20:40, 20:50] = 255
    cars = np.zeros((64, 64), np.uint8)
    cars[5, 5:9] = 255
    gains = [np.where(buildings, 0, rng.integers(0, 200, (64, 64))).astype(np.uint8) for _ in range(2)]
    images = {"png/buildings_complete/7": buildings, "png/heights/7": buildings // 20, "png/cars/7": cars}
    images |= {f"gain/{model}/7_{i}": gain for model in ("RT", "carsRT") for i, gain in enumerate(gains)}
    for name, image in images.items():
        path = folder / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), image)
    (folder / "antenna").mkdir()
    (folder / "antenna" / "7.json").write_text("[[3, 4, 10.0], [60, 61, 5.0]]")
    tile = {"city": "florence", "split": "test", "transmitters": 2, "cars": True}
    about = {"floor_db": -150.0, "top_db": -47.86, "cell_size_m": 1.0, "frequency_hz": 5.9e9, "tiles": {"7": tile}}
    (folder / "dataset.json").write_text(json.dumps(about))
    return folder


def roofs(heights_m: NDArray[np.uint8], seed: int, cars: NDArray[np.bool_] | None) -> NDArray[np.uint8]:
    """A renderer as plain as can be."""
    grey = np.repeat(np.repeat(heights_m * np.uint8(seed % 7), 2, 0), 2, 1)
    return np.stack([grey, grey, grey], axis=-1)


def test_the_maker_gives_the_same_pack_for_the_same_seed_and_data(tmp_path: Path) -> None:
    data = data_set(tmp_path / "data")
    choices = (Choice("a", "one", "7", (1,)), Choice("b", "both, with cars", "7", (0, 1), cars=True))

    def digest(out: Path, seed: int) -> dict[str, str]:
        make_pack(data, out, roofs, choices, seed)
        files = (path for path in sorted(out.rglob("*")) if path.is_file())
        return {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    first, again, other = (digest(tmp_path / name, seed) for name, seed in (("x", 1), ("y", 1), ("z", 2)))
    assert first == again
    assert first["a/samples.csv"] != other["a/samples.csv"]
    assert first["a/buildings.png"] == other["a/buildings.png"]
    made = open_pack(tmp_path / "x")
    assert [(entry.id, len(entry.transmitters()), entry.cars is not None) for entry in made] == [
        ("a", 1, False),
        ("b", 2, True),
    ]
    assert made[0].transmitters()[0].height_m == 5


def test_a_pack_of_a_split_holds_every_static_map_once(tmp_path: Path) -> None:
    data = data_set(tmp_path / "data")
    make_pack(data, tmp_path / "x", roofs, every_map(data, "test"))
    made = open_pack(tmp_path / "x")
    assert [(entry.id, len(entry.transmitters()), entry.cars) for entry in made] == [
        ("florence-7-0", 1, None),
        ("florence-7-1", 1, None),
    ]
    with pytest.raises(InputError, match="val"):
        every_map(data, "val")
