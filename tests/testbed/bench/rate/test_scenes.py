"""Sources name their data, what scores are judged by, and refuse what a network saw."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from radiosem.errors import InputError
from radiosem.masks.fingerprints import fingerprints
from testbed.bench.rate.scenes import DataSource, PackSource
from testbed.bench.rate.senders import Plan
from testbed.bench.rate.sweep import RateSettings
from testbed.data.samples import draw_samples
from testbed.pack import SAMPLE_PACK
from testbed.scores import leaks


def _copy(folder: Path, to: Path) -> Path:
    for path in folder.rglob("*.*"):
        target = to / path.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    return to


@pytest.mark.parametrize("changed", ["gain/RT/1_0.png", "antenna/1.json"])
def test_other_truths_or_transmitters_are_another_data_set(small_city: Path, tmp_path: Path, changed: str) -> None:
    city = _copy(small_city, tmp_path / "city")
    before = DataSource(city).about()
    assert before["truth_sha256"] == DataSource(small_city).about()["truth_sha256"]
    (city / changed).write_bytes((city / changed.replace("1", "2", 1)).read_bytes())
    after = DataSource(city).about()
    assert after["truth_sha256"] != before["truth_sha256"]
    assert after["split_sha256"] == before["split_sha256"]


def test_other_samples_are_another_pack(tmp_path: Path) -> None:
    pack = _copy(SAMPLE_PACK, tmp_path / "pack")
    before = PackSource(pack).about()["truth_sha256"]
    assert before == PackSource(SAMPLE_PACK).about()["truth_sha256"]
    samples = pack / "florence-02-a" / "samples.csv"
    samples.write_text(samples.read_text().replace("-9", "-8", 1))
    assert PackSource(pack).about()["truth_sha256"] != before


def test_a_data_set_is_named_also_from_within(small_city: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(small_city)
    assert DataSource(Path(".")).about()["data"] == small_city.name
    monkeypatch.chdir(SAMPLE_PACK)
    assert PackSource(Path(".")).about()["data"] == "sample_pack"


def test_only_networks_that_take_part_are_asked_what_they_saw(small_city: Path) -> None:
    def asked(plan: Plan, links: tuple[str, ...]) -> tuple[str, ...]:
        return RateSettings(DataSource(small_city), plan, links, (10.0,)).networks()

    assert asked(Plan(("context", "jpeg"), (), (5,), (1,)), ("qpsk-1/2",)) == ("generator",)
    assert asked(Plan((), ("map-ae",), (5,), (1,), edge_maps=False), ("qpsk-1/2",)) == (
        "map-ae-decoder",
        "map-ae-encoder",
    )
    assert asked(Plan((), ("png-map",), (), (), edge_maps=False), ("qpsk-1/2",)) == ()
    assert set(asked(Plan(("vqvae", "bitmap"), (), (), ()), ("jscc",))) == {
        *("generator", "jscc-decoder", "jscc-encoder", "vqvae-decoder", "vqvae-encoder")
    }


def test_some_maps_of_a_pack_are_taken_evenly() -> None:
    whole, two = PackSource(SAMPLE_PACK).ids(), PackSource(SAMPLE_PACK, maps=2)
    assert two.ids() == (whole[0], whole[-1])
    assert len(set(two.regions().values())) == 2


def test_a_pack_that_a_network_saw_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    source = PackSource(SAMPLE_PACK)
    source.refuse_seen(["generator", "vqvae-decoder"])
    masks = [entry.truth().buildings for entry in source._entries.values()]
    monkeypatch.setattr(leaks, "training_fingerprints", lambda name: fingerprints(masks[0]))
    with pytest.raises(InputError, match="generator saw the buildings of 1 of 5 maps in training: 2"):
        source.refuse_seen(["generator"])
    PackSource(SAMPLE_PACK, allow_seen=True).refuse_seen(["generator"])


def test_a_block_with_little_outdoors_is_not_all_samples(small_city: Path, tmp_path: Path) -> None:
    city = _copy(small_city, tmp_path)
    mask = np.full((64, 64), 255, np.uint8)
    mask[20:30, 20:30] = 0
    for block in (city / "png/buildings_complete").glob("*.png"):
        cv2.imwrite(str(block), mask)
    for antennas in (city / "antenna").glob("*.json"):
        antennas.write_text("[[25, 25, 10.0]]")
    source = DataSource(city, allow_seen=True)
    scene = source.scene(source.ids()[0])
    assert (scene.sampled & ~scene.buildings).sum() == 50 == (~scene.sampled & ~scene.buildings).sum()


def test_more_samples_than_cells_outdoors_are_refused() -> None:
    buildings = np.ones((20, 20), bool)
    buildings[:5, :5] = False
    with pytest.raises(InputError, match="count is 30, but 25 cells are outdoors"):
        draw_samples([np.zeros((20, 20), np.float32)], buildings, -127.0, 0, count=30)
