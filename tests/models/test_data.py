"""What the loader promises: RadioMapSeer's layout, splits by block, the scale of the folder."""

import pickle
import shutil

import cv2
import numpy as np
import pytest

from radiosem.errors import InputError
from radiosem.scale import RADIOMAPSEER
from radiosem_models.data import Dataset, MapKey
from tests.radiosem.conftest import png_claiming


def test_every_map_of_a_split_is_listed_once(city):
    keys = Dataset(city).keys("train", ("RT", "carsRT"))
    assert keys == [MapKey(b, k, "RT") for b in "12" for k in (0, 1)] + [MapKey("1", k, "carsRT") for k in (0, 1)]


def test_splits_share_no_block(city):
    dataset = Dataset(city)
    blocks = [dataset.blocks_in(split) for split in ("train", "val", "test")]
    assert sorted(b for split in blocks for b in split) == dataset.blocks_in("all") == ["1", "2", "3", "4"]


def test_a_block_has_its_mask_heights_and_cars(city):
    dataset = Dataset(city)
    block = dataset.block("1")
    assert block.city == "city 1"
    assert (block.heights_m > 0).tolist() == block.buildings.tolist()
    assert block.cars.sum() == 8
    assert dataset.cars(MapKey("1", 0, "RT")) is None
    assert dataset.cars(MapKey("1", 0, "carsRT")) is block.cars
    assert dataset.block("2").cars is None


def test_an_image_of_other_ground_than_its_mask_is_named(city, tmp_path):
    shutil.copytree(city, tmp_path / "city")
    path = tmp_path / "city/gain/RT/1_0.png"
    cv2.imwrite(str(path), np.zeros((48, 64), np.uint8))
    with pytest.raises(InputError, match=r"RT/1_0\.png has 48 rows and 64 columns; the mask of its block has"):
        Dataset(tmp_path / "city").grey(MapKey("1", 0, "RT"))


def test_a_simulation_that_is_not_there_is_told_with_those_that_are(city):
    with pytest.raises(InputError, match=r"models is 'DPM', of which split 'train' .* no maps; gain/ holds .*RT"):
        Dataset(city).some_keys("train", ("DPM",), "models")


def test_transmitters_stand_outdoors_at_the_height_of_the_file(city):
    dataset = Dataset(city)
    for key in dataset.keys("all", ("RT",)):
        transmitter = dataset.transmitter(key)
        assert transmitter.height_m == 10.0
        assert not dataset.block(key.block_id).buildings[transmitter.row, transmitter.col]


def test_a_folder_without_dataset_json_has_radiomapseers_scale_and_only_the_split_all(city, tmp_path):
    shutil.copytree(city, tmp_path / "bare")
    (tmp_path / "bare/dataset.json").unlink()
    dataset = Dataset(tmp_path / "bare")
    assert dataset.scale == RADIOMAPSEER
    assert dataset.blocks_in("all") == ["1", "2", "3", "4"]
    with pytest.raises(InputError, match="split is 'test'"):
        dataset.blocks_in("test")


def test_the_hash_of_a_split_follows_its_buildings(city):
    dataset = Dataset(city)
    assert dataset.split_hash("val") == Dataset(city).split_hash("val") != dataset.split_hash("test")


def test_a_folder_without_masks_is_refused_by_name(tmp_path):
    with pytest.raises(InputError, match=str(tmp_path)):
        Dataset(tmp_path)


def test_an_image_that_is_none_is_named(city, tmp_path):
    shutil.copytree(city, tmp_path / "broken")
    path = tmp_path / "broken/gain/RT/1_0.png"
    path.write_bytes(b"not a PNG")
    with pytest.raises(InputError, match=r"1_0\.png"):
        Dataset(tmp_path / "broken").grey(MapKey("1", 0, "RT"))
    assert np.ptp(Dataset(city).grey(MapKey("1", 0, "RT"))) > 0


def test_an_image_that_claims_more_than_a_grid_is_named(city, tmp_path):
    root = shutil.copytree(city, tmp_path / "vast")
    (root / "gain/RT/1_0.png").write_bytes(png_claiming(200_000, 200_000))
    with pytest.raises(InputError, match=r"1_0\.png claims 200000 x 200000 pixels; at most 1024 a side"):
        Dataset(root).grey(MapKey("1", 0, "RT"))


def test_maps_are_told_by_the_numbers_in_their_names(city, tmp_path):
    gain = shutil.copytree(city, tmp_path / "gaps") / "gain/RT"
    (gain / "2_0.png").unlink()
    shutil.copy(gain / "2_1.png", gain / "2_x.png")
    dataset = Dataset(tmp_path / "gaps")
    assert dataset.keys("train", ("RT",)) == [MapKey("1", 0, "RT"), MapKey("1", 1, "RT"), MapKey("2", 1, "RT")]
    assert dataset.grey(MapKey("2", 1, "RT")).shape == (64, 64)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (None, r"antenna/1\.json is missing"),
        ("[[0, 0]]", r"antenna/1\.json has 1 transmitters, counted from 0, but gain/RT a map of 1"),
        ("[[0, 0], 7]", r"antenna/1\.json has transmitter 1 7; it must be \[column, row\]"),
        ("[[0, 0], [300, 1]]", r"antenna/1\.json has transmitter 1 at column 300, row 1, outside the grid; .* 64 col"),
        ("[[0, 0], [1, -1]]", r"antenna/1\.json has transmitter 1 at column 1, row -1, outside the grid"),
        ("[[0, 0], [NaN, 1]]", r"antenna/1\.json has transmitter 1 at column nan; it must be a finite number"),
    ],
)
def test_antennas_that_are_unusable_are_refused_by_file_and_value(city, tmp_path, text, wrong):
    path = shutil.copytree(city, tmp_path / "odd") / "antenna/1.json"
    path.unlink()
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=wrong):
        Dataset(tmp_path / "odd").transmitter(MapKey("1", 1, "RT"))


def test_a_refusal_of_a_file_survives_the_way_between_processes(city, tmp_path):
    root = shutil.copytree(city, tmp_path / "odd")
    (root / "dataset.json").write_text("[]")
    with pytest.raises(InputError, match="must be a JSON object") as caught:
        Dataset(root)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_a_data_set_has_the_name_of_its_folder_however_it_is_written(city, monkeypatch):
    monkeypatch.chdir(city)
    assert Dataset(".").name == Dataset(city).name == city.name


def test_a_folder_that_says_nothing_of_its_scale_has_none(city, tmp_path):
    shutil.copytree(city, tmp_path / "unscaled")
    (tmp_path / "unscaled/dataset.json").write_text('{"tiles": {"1": {"split": "train"}}}')
    dataset = Dataset(tmp_path / "unscaled")
    assert dataset.known_scale is None
    with pytest.raises(InputError, match="names no floor_db"):
        _ = dataset.scale
