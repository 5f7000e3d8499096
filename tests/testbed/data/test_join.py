"""`radiosem data join`: several data sets become one, and what does not fit together is named."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from radiosem.errors import InputError
from radiosem_models.data import Dataset
from testbed.cli import app
from testbed.data.join import join_datasets


def data_set(root: Path, block: str, split: str, **about: object) -> Path:
    rng = np.random.default_rng(int(block))
    for folder in ("png/buildings_complete", "antenna", "gain/RT"):
        (root / folder).mkdir(parents=True)
    buildings = rng.random((32, 32)) < 0.3
    cv2.imwrite(str(root / f"png/buildings_complete/{block}.png"), buildings * np.uint8(255))
    cv2.imwrite(str(root / f"gain/RT/{block}_0.png"), rng.integers(1, 255, (32, 32)).astype(np.uint8))
    (root / f"antenna/{block}.json").write_text(json.dumps([[3, 4, 10.0]]))
    tiles = {block: {"city": f"city {block}", "split": split, "cx": 0.0, "cy": 0.0, "transmitters": 1}}
    text = {"floor_db": -150.0, "top_db": -47.86, "geometry": f"survey {block}", "tiles": tiles} | about
    (root / "dataset.json").write_text(json.dumps(text))
    return root


def test_a_joined_data_set_holds_every_map_of_its_parts(tmp_path: Path) -> None:
    one, two = data_set(tmp_path / "one", "1", "train"), data_set(tmp_path / "two", "20", "test")
    done = CliRunner().invoke(app, ["data", "join", str(tmp_path / "all"), str(one), str(two), "--json"])
    assert json.loads(done.stdout)["blocks"] == {str(one): 1, str(two): 1}
    joined = Dataset(tmp_path / "all")
    assert [joined.keys(split, ("RT",))[0].block_id for split in ("train", "test")] == ["1", "20"]
    assert joined.about["geometry"] == "survey 1; survey 20"
    assert joined.name == "one + two"
    for part in (Dataset(one), Dataset(two)):
        (key,) = part.keys("all", ("RT",))
        np.testing.assert_array_equal(joined.grey(key), part.grey(key))
        np.testing.assert_array_equal(joined.block(key.block_id).buildings, part.block(key.block_id).buildings)
    join_datasets(tmp_path / "all", (one, two))  # again: nothing to do, and nothing is lost
    assert Dataset(tmp_path / "all").block_ids == ["1", "20"]


def test_training_cities_are_chosen_and_the_others_never_thinned(tmp_path: Path) -> None:
    folders = [
        data_set(tmp_path / name, block, split)
        for name, block, split in (("a", "1", "train"), ("b", "2", "train"), ("c", "3", "val"))
    ]
    out = tmp_path / "some"
    done = CliRunner().invoke(app, ["data", "join", str(out), *map(str, folders), "--train-on", "city 2"])
    assert done.exit_code == 0, done.output
    joined = Dataset(out)
    assert (joined.blocks_in("train"), joined.blocks_in("val"), joined.block_ids) == (["2"], ["3"], ["2", "3"])
    assert joined.name == "a + b + c, city 2 to train on"
    assert not list((out / "gain").rglob("1_*"))
    with pytest.raises(
        InputError, match=r"train_on is 'city 3', which no training tile is of; cities are city 1, city 2"
    ):
        join_datasets(tmp_path / "none", folders, train_on=["city 3"])


@pytest.mark.parametrize(
    ("block", "about", "message"),
    [
        ("1", {}, r"block 1 is in .*one and in .*two; trace one of them with --first-id"),
        ("2", {"floor_db": -147.0}, r"two has floor_db -147.0, .*one has -150.0"),
        ("2", {"tiles": None}, r"two/dataset.json has tiles None"),
    ],
)
def test_what_does_not_fit_together_is_named(tmp_path: Path, block: str, about: dict, message: str) -> None:
    one, two = data_set(tmp_path / "one", "1", "train"), data_set(tmp_path / "two", block, "val", **about)
    with pytest.raises(InputError, match=message):
        join_datasets(tmp_path / "all", (one, two))
    assert not (tmp_path / "all").exists()


def test_a_folder_that_holds_another_data_set_is_left_alone(tmp_path: Path) -> None:
    one, taken = data_set(tmp_path / "one", "1", "train"), data_set(tmp_path / "taken", "7", "test")
    before = (taken / "dataset.json").read_bytes()
    with pytest.raises(InputError, match=r"out is .*taken', which already holds block 7"):
        join_datasets(taken, (one,))
    assert (taken / "dataset.json").read_bytes() == before


def test_blocks_of_the_same_number_are_not_taken_for_one_another(tmp_path: Path) -> None:
    one, other = data_set(tmp_path / "one", "1", "train"), data_set(tmp_path / "other", "1", "val")
    cv2.imwrite(str(other / "gain/RT/1_0.png"), np.zeros((32, 32), np.uint8))
    join_datasets(tmp_path / "all", (one,))
    with pytest.raises(InputError, match=r"1_0\.png, which is not that of .*other"):
        join_datasets(tmp_path / "all", (other,))


def test_a_block_may_have_any_name(tmp_path: Path) -> None:
    one = data_set(tmp_path / "one", "1", "train")
    for path in [*one.rglob("1.*"), *one.rglob("1_0.png")]:
        path.rename(path.with_name(path.name.replace("1", "oslo_1", 1)))
    text = (one / "dataset.json").read_text()
    (one / "dataset.json").write_text(text.replace('"1":', '"oslo_1":'))
    join_datasets(tmp_path / "all", (one, data_set(tmp_path / "two", "2", "val")))
    (key,) = Dataset(tmp_path / "all").keys("train", ("RT",))
    assert key.block_id == "oslo_1"
    assert Dataset(tmp_path / "all").grey(key).shape == (32, 32)
