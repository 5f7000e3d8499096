import hashlib
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from radiosem.errors import InputError
from radiosem.images import read_grey
from testbed.data.pack import Choice, every_map, make_pack
from testbed.pack import SAMPLE_PACK, PackEntry, open_pack
from tests.radiosem.conftest import png_claiming


def test_the_pack_holds_what_the_demo_promises(entries: dict[str, PackEntry]) -> None:
    about = [entry.about for entry in entries.values()]
    assert len(entries) >= 8
    assert len({entry["block"] for entry in about}) >= 2
    assert {(entry["city"], entry["split"]) for entry in about} == {("florence", "test")}
    assert any(len(entry.transmitters()) == 2 for entry in entries.values())
    assert any(entry.cars for entry in entries.values())
    assert any(entry.cars is None for entry in entries.values())


def test_the_pack_is_small_and_says_whose_geometry_it_is() -> None:
    files = [path for path in SAMPLE_PACK.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 3_000_000
    attribution = (SAMPLE_PACK / "ATTRIBUTION.md").read_text("utf-8")
    for words in ("© OpenStreetMap contributors", "Open Database License", "Sionna RT"):
        assert words in attribution


@pytest.mark.parametrize("entry", open_pack(), ids=lambda entry: entry.id)
def test_every_observation_is_whole_and_agrees_with_itself(entry: PackEntry) -> None:
    truth, samples = entry.truth(), entry.samples()
    assert cv2.imread(str(entry.image)).shape == (512, 512, 3)
    assert truth.buildings.shape == truth.power_dbm.shape == entry.grid.shape == (256, 256)
    assert 0.2 < truth.buildings.mean() < 0.8
    np.testing.assert_array_equal(np.isnan(truth.power_dbm), truth.buildings)
    assert not truth.buildings[samples.row, samples.col].any()
    for index, transmitter in enumerate(entry.transmitters()):
        mine = samples.transmitter == index
        assert mine.sum() == 300
        assert len({*zip(samples.col[mine], samples.row[mine], strict=True)}) == mine.sum()
        assert not truth.buildings[transmitter.row, transmitter.col]
        grey = read_grey(entry.folder / f"truth_{index}.png")
        assert not grey[truth.buildings].any()
        there = grey[samples.row, samples.col][mine]
        read_dbm, floor_dbm = samples.power_dbm[mine], entry.floor_dbm()
        assert (read_dbm[there == 0] == floor_dbm).all()
        assert read_dbm.min() >= floor_dbm
        heard = there > 3  # noise does not reach the floor
        noise_db = (read_dbm - entry.scale.gain_db(there / 255) - transmitter.power_dbm)[heard]
        assert heard.sum() > 100
        assert noise_db.std() == pytest.approx(1, abs=0.25)
        assert noise_db.mean() == pytest.approx(0, abs=0.25)
    if entry.cars:
        cars = read_grey(entry.cars) > 127
        assert cars.any()
        assert not (cars & truth.buildings).any()


def test_two_transmitters_add_up_in_milliwatts(entries: dict[str, PackEntry]) -> None:
    parts_dbm = [entries[name].truth() for name in ("florence-10-a", "florence-10-b")]
    total = entries["florence-10-two"].truth()
    known = ~(parts_dbm[0].censored | parts_dbm[1].censored | total.buildings)
    milliwatts = sum(10 ** (part.power_dbm[known].astype(np.float64) / 10) for part in parts_dbm)
    np.testing.assert_allclose(total.power_dbm[known], 10 * np.log10(milliwatts), atol=1e-3)
    np.testing.assert_array_equal(total.censored, parts_dbm[0].censored & parts_dbm[1].censored)


def test_a_folder_that_is_no_pack_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"pack\.json cannot be read"):
        open_pack(tmp_path)
    (tmp_path / "pack.json").write_text('{"scale": {}}')
    with pytest.raises(InputError, match=r"pack\.json is not the index of a pack"):
        open_pack(tmp_path)


def test_a_truth_that_claims_more_than_a_grid_is_named(tmp_path: Path) -> None:
    shutil.copytree(SAMPLE_PACK, tmp_path / "pack")
    entry = open_pack(tmp_path / "pack")[0]
    (entry.folder / "truth_0.png").write_bytes(png_claiming(200_000, 200_000))
    with pytest.raises(InputError, match=r"truth_0\.png claims 200000 x 200000 pixels"):
        entry.truth()


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
