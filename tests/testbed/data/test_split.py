"""A data set is split once, by its blocks, and can then be trained on."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from radiosem.errors import InputError
from radiosem.scale import RADIOMAPSEER
from radiosem_models.data import Dataset
from testbed.cli import app
from testbed.data.split import split_dataset


@pytest.fixture
def bare(small_city: Path, tmp_path: Path) -> Path:
    """Three blocks in RadioMapSeer's layout, and nothing said of them."""
    shutil.copytree(small_city, tmp_path / "bare")
    (tmp_path / "bare/dataset.json").unlink()
    return tmp_path / "bare"


def test_every_block_is_in_one_split_and_the_maps_are_as_before(bare: Path) -> None:
    before = Dataset(bare)
    keys = before.keys("all", ("RT",))
    counts = split_dataset(bare, 0.34, 0.34)
    after = Dataset(bare)
    assert counts == {name: len(after.blocks_in(name)) for name in ("train", "val", "test")}
    assert sorted(b for name in counts for b in after.blocks_in(name)) == sorted(before.block_ids)
    assert after.keys("all", ("RT",)) == keys
    assert (after.scale.floor_db, after.scale.top_db) == (RADIOMAPSEER.floor_db, RADIOMAPSEER.top_db)


def test_the_seed_alone_decides(bare: Path) -> None:
    splits = []
    for seed in (0, 0, 1, 2, 3):
        split_dataset(bare, 0.34, 0.34, seed)
        splits.append((bare / "dataset.json").read_text())
        (bare / "dataset.json").unlink()
    assert splits[0] == splits[1]
    assert len(set(splits)) > 1


def test_a_split_that_is_there_is_not_drawn_again(bare: Path) -> None:
    split_dataset(bare, 0.34, 0.34)
    with pytest.raises(InputError, match="is there already"):
        split_dataset(bare, 0.34, 0.34)


@pytest.mark.parametrize(
    ("val", "test", "told"),
    [
        (0.0, 0.3, "val is 0"),
        (0.3, 1.0, "test is 1"),
        (0.01, 0.4, "leave val 0 of 3"),
        (0.5, 0.5, "leave train -1 of 3"),
    ],
)
def test_shares_that_leave_nothing_are_named(bare: Path, val: float, test: float, told: str) -> None:
    with pytest.raises(InputError, match=told):
        split_dataset(bare, val, test)
    assert not (bare / "dataset.json").exists()


def test_the_command_tells_the_blocks_by_split(bare: Path) -> None:
    outcome = CliRunner().invoke(app, ["data", "split", str(bare), "--val", "0.34", "--test", "0.34", "--json"])
    assert json.loads(outcome.stdout) == {"test": 1, "val": 1, "train": 1}
