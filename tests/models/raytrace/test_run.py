"""A run may be killed, called again, cut into shards: the folder ends up the same. Its maps are random fields here."""

import json

import numpy as np
import pytest

from radiosem.errors import InputError
from radiosem_models.data import Dataset
from radiosem_models.raytrace.run import in_turn, open_folder, run
from radiosem_models.raytrace.tiles import plan_tiles, shard_of
from radiosem_models.raytrace.tracing import TracedTile, TraceSettings


@pytest.fixture(scope="module")
def plan(town):
    return plan_tiles([town], seed=0)[:5]


def trace(tile):
    """Random maps that hang on the tile's place alone; the tile numbered 3 has no transmitter that is heard."""
    entry = {"city": tile.city, "split": tile.split, "cx": tile.cx, "cy": tile.cy, "cars": False}
    if tile.tile_id == 3:
        return TracedTile(3, {}, [], {**entry, "transmitters": 0})
    image = tile.random(0).integers(0, 256, (32, 32)).astype(np.uint8)
    names = (f"gain/RT/{tile.tile_id}_0.png", f"png/buildings_complete/{tile.tile_id}.png")
    return TracedTile(tile.tile_id, dict.fromkeys(names, image), [(1, 2, 10.0)], {**entry, "transmitters": 1})


SETTINGS = TraceSettings()


def go(plan, root, town, trace=trace, settings=SETTINGS, first_id=0, **options):
    return run(plan, open_folder(root, settings, [town], first_id), trace, in_turn, **options)


def files(root):
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


@pytest.fixture
def whole(plan, town, tmp_path):
    root = tmp_path / "whole"
    outcome = go(plan, root, town)
    assert (outcome.tiles, outcome.traced, outcome.unheard, outcome.maps, outcome.finished) == (5, 5, 1, 4, True)
    return root


def test_a_folder_is_a_data_set_of_the_layout(whole, plan):
    dataset = Dataset(whole)
    assert dataset.block_ids == ["0", "1", "2", "4"]
    assert len(dataset.keys("train", ("RT",))) == 4
    assert (dataset.scale.floor_db, dataset.scale.top_db) == (-150.0, -47.86)
    about = dataset.about
    assert (about["frequency_hz"], about["seed"], about["tx_height_m"]) == (5.9e9, 0, 10.0)
    assert about["geometry"] == "nobody"
    assert list(about["tiles"]) == ["0", "1", "2", "4"]
    assert about["tiles"]["2"]["cx"] == plan[2].cx


def test_a_run_that_is_killed_goes_on_and_traces_nothing_twice(whole, plan, town, tmp_path):
    traced = []

    def killed(tile):
        if len(traced) == 2:
            raise KeyboardInterrupt
        traced.append(tile.tile_id)
        return trace(tile)

    def again(tile):
        traced.append(tile.tile_id)
        return trace(tile)

    root = tmp_path / "killed"
    with pytest.raises(KeyboardInterrupt):
        go(plan, root, town, killed)
    assert len(json.loads((root / "dataset.json").read_text())["tiles"]) == 2
    outcome = go(plan, root, town, again)
    assert (outcome.found_done, outcome.traced, outcome.finished) == (2, 3, True)
    assert traced == [0, 1, 2, 3, 4]
    assert files(root) == files(whole)
    assert go(plan, root, town, again).traced == 0


def test_a_tile_whose_writing_was_cut_short_is_traced_again(whole, plan, town):
    before = files(whole)
    (whole / "tiles/2.json").unlink()
    (whole / "png/buildings_complete/2.png").write_bytes(b"half")
    assert go(plan, whole, town).traced == 1
    assert files(whole) == before


def test_shards_make_the_same_folder_as_one_run(whole, plan, town, tmp_path):
    root = tmp_path / "shards"
    for shard in ("2/3", "1/3", "3/3"):
        go(shard_of(plan, shard), root, town)
    assert files(root) == files(whole)


def test_a_budget_ends_a_run_between_tiles(plan, town, tmp_path):
    assert go(plan, tmp_path / "none", town, budget_s=0).traced == 0
    seen = []
    outcome = go(plan, tmp_path / "all", town, budget_s=1e9, report=lambda done, of: seen.append((done, of)))
    assert outcome.finished
    assert seen == [(n, 5) for n in range(6)]


def test_other_settings_are_not_mixed_into_a_folder(whole, plan, town):
    before = files(whole)
    with pytest.raises(InputError, match=r"0\.json was traced with other settings \(tx_height_m, seed\)"):
        go(plan, whole, town, settings=TraceSettings(seed=1, tx_height_m=5))
    with pytest.raises(InputError, match=r"frequency_hz 5900000000\.0, this run 28000000000\.0"):
        go(plan, whole, town, settings=TraceSettings(28e9))
    assert files(whole) == before


def test_another_run_adds_tiles_under_other_numbers(whole, town):
    more = plan_tiles([town], seed=1, first_id=50)[:2]
    go(more, whole, town, settings=TraceSettings(seed=1), first_id=50)
    about = json.loads((whole / "dataset.json").read_text())
    assert list(about["tiles"]) == ["0", "1", "2", "4", "50", "51"]
    assert len(about["runs"]) == 2
    assert "seed" not in about  # they differ
    assert about["tx_height_m"] == 10.0


def test_a_data_set_of_another_maker_is_left_alone(plan, town, tmp_path):
    (tmp_path / "dataset.json").write_text('{"tiles": {}}')
    with pytest.raises(InputError, match="another tool"):
        go(plan, tmp_path, town)
    (tmp_path / "dataset.json").unlink()
    (tmp_path / "tiles").mkdir(exist_ok=True)
    (tmp_path / "tiles/.run-0.json.1.part").write_bytes(b"")  # of a run killed at its first file
    open_folder(tmp_path, SETTINGS, [town], 0)
    published = tmp_path / "png/buildings_complete/0.png"  # as RadioMapSeer is, without dataset.json
    published.parent.mkdir(parents=True, exist_ok=True)
    published.write_bytes(b"a mask")
    with pytest.raises(InputError, match=r"png/buildings_complete another tool made"):
        go(plan, tmp_path, town)
    assert published.read_bytes() == b"a mask"


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"frequency_hz": 9e8}, "frequency_hz is 9e.08.*ITU materials of walls and ground start at 1 GHz"),
        ({"frequency_hz": float("nan")}, "frequency_hz is nan"),
        ({"frequency_hz": 80e9}, r"6\.5535e"),
        ({"tx_height_m": 1.5}, "tx_height_m is 1.5"),
        ({"transmitters": 0}, "transmitters is 0"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_settings_out_of_range_are_refused_by_name(bad, message):
    with pytest.raises(InputError, match=message):
        TraceSettings(**bad)
