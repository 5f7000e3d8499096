"""The sample pack: what it holds, and what is no pack."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from radiosem.errors import InputError
from radiosem.images import read_grey
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
    for text in ('{"scale": {}}', "[" * 100_000):
        (tmp_path / "pack.json").write_text(text)
        with pytest.raises(InputError, match=r"pack\.json is not the index of a pack"):
            open_pack(tmp_path)


def test_a_truth_that_claims_more_than_a_grid_is_named(tmp_path: Path) -> None:
    shutil.copytree(SAMPLE_PACK, tmp_path / "pack")
    entry = open_pack(tmp_path / "pack")[0]
    (entry.folder / "truth_0.png").write_bytes(png_claiming(200_000, 200_000))
    with pytest.raises(InputError, match=r"truth_0\.png claims 200000 x 200000 pixels"):
        entry.truth()
