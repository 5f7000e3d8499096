"""The segmenter is scored on the cells it draws, and not on ground it was trained on."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from radiosem.errors import InputError, RadiosemError
from radiosem.masks.fingerprints import fingerprints
from radiosem.types import Grid
from testbed.cli import app
from testbed.pack import SAMPLE_PACK, open_pack
from testbed.scores import segmenters
from testbed.scores.segmenters import count_seen, from_folders, from_pack, score_segmenter


class Threshold:
    """Stands in for the network where counts are checked by hand: what is bright is building."""

    @classmethod
    def load(cls, threads: int) -> "Threshold":
        return cls()

    def __call__(self, image: np.ndarray, grid: Grid) -> np.ndarray:
        return cv2.resize(image[..., 0], grid.shape[::-1], interpolation=cv2.INTER_AREA) > 127


def _pair(folder: Path, name: str, bright: slice, true: slice) -> None:
    image, mask = np.zeros((128, 128, 3), np.uint8), np.zeros((64, 64), np.uint8)
    image[:, 2 * bright.start : 2 * bright.stop] = 255
    mask[:, true] = 255
    for kind, pixels in (("images", image), ("masks", mask)):
        (folder / kind).mkdir(exist_ok=True)
        cv2.imwrite(str(folder / kind / f"{name}.png"), pixels)


def test_cells_of_all_images_are_counted_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segmenters, "Segmenter", Threshold)
    _pair(tmp_path, "a", slice(0, 32), slice(0, 16))
    _pair(tmp_path, "b", slice(0, 8), slice(0, 16))
    scores = score_segmenter(from_folders(tmp_path / "images", tmp_path / "masks", 1.0))
    assert (scores.images, scores.iou) == (2, pytest.approx((16 + 8) / (32 + 16)))
    assert (scores.precision, scores.recall) == (pytest.approx(24 / 40), pytest.approx(24 / 32))
    assert scores.wrong_pixel_share == pytest.approx(24 / 128)


def test_shares_of_nothing_are_not_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segmenters, "Segmenter", Threshold)
    _pair(tmp_path, "empty", slice(0, 0), slice(0, 0))
    scores = score_segmenter(from_folders(tmp_path / "images", tmp_path / "masks", 1.0))
    assert (scores.iou, scores.precision, scores.recall) == (1.0, None, None)


def test_the_network_draws_most_roofs_of_the_sample_pack() -> None:
    labelled = from_pack(SAMPLE_PACK)[:2]
    scores = score_segmenter(labelled, seen_images=count_seen(labelled, allow_seen=False))
    assert 0.75 < scores.iou < 1
    assert scores.seen_images == 0


def test_ground_of_the_training_is_refused_or_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    labelled = from_pack(SAMPLE_PACK)[:1]
    known = np.unique(fingerprints(labelled[0].buildings))
    monkeypatch.setattr(segmenters, "training_fingerprints", lambda name: known)
    with pytest.raises(InputError, match="segmenter saw the buildings of 1 of 1"):
        count_seen(labelled, allow_seen=False)
    assert count_seen(labelled, allow_seen=True) == 1
    finer = np.kron(labelled[0].buildings, np.ones((2, 2), bool))
    assert count_seen([replace(labelled[0], buildings=finer, grid=Grid(*finer.shape, 0.5))], allow_seen=True) == 1


def test_images_are_scored_where_nothing_tells_what_was_seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "MANIFEST.toml").write_text("")
    monkeypatch.setenv("RADIOSEM_WEIGHTS", str(tmp_path))
    labelled = from_pack(SAMPLE_PACK)[:1]
    assert count_seen(labelled, allow_seen=True) is None
    with pytest.raises(RadiosemError):
        count_seen(labelled, allow_seen=False)


@pytest.mark.parametrize(("files", "told"), [((), "holds no PNG"), (("masks/a.png",), "no image for mask a.png")])
def test_folders_that_do_not_pair_are_named(tmp_path: Path, files: tuple[str, ...], told: str) -> None:
    for kind in ("images", "masks"):
        (tmp_path / kind).mkdir()
    for file in files:
        cv2.imwrite(str(tmp_path / file), np.zeros((64, 64), np.uint8))
    with pytest.raises(InputError, match=told):
        from_folders(tmp_path / "images", tmp_path / "masks", 1.0)


def test_masks_are_not_scored_against_themselves(tmp_path: Path) -> None:
    _pair(tmp_path, "a", slice(0, 8), slice(0, 8))
    with pytest.raises(InputError, match="images and masks both give"):
        from_folders(tmp_path / "masks", tmp_path / "masks", 1.0)


def test_labels_of_0_and_1_and_packs_without_observations_are_refused(tmp_path: Path) -> None:
    _pair(tmp_path, "a", slice(0, 8), slice(0, 8))
    cv2.imwrite(str(tmp_path / "masks/a.png"), np.eye(64, dtype=np.uint8))
    with pytest.raises(InputError, match="grey of at most 1; over 127 is building"):
        from_folders(tmp_path / "images", tmp_path / "masks", 1.0)
    pack = json.loads((SAMPLE_PACK / "pack.json").read_text()) | {"observations": []}
    (tmp_path / "pack.json").write_text(json.dumps(pack))
    with pytest.raises(InputError, match="it holds no observations"):
        from_pack(tmp_path)


def test_two_images_of_one_name_and_broken_ones_are_named(tmp_path: Path) -> None:
    _pair(tmp_path, "a", slice(0, 8), slice(0, 8))
    (tmp_path / "images/a.jpg").write_bytes(b"\xff\xd8\xff broken")
    with pytest.raises(InputError, match=r"a\.jpg and a\.png for mask a\.png"):
        from_folders(tmp_path / "images", tmp_path / "masks", 1.0)
    (tmp_path / "images/a.png").unlink()
    with pytest.raises(InputError, match=r"a\.jpg: image"):
        score_segmenter(from_folders(tmp_path / "images", tmp_path / "masks", 1.0))


def test_the_command_scores_folders_as_json_and_wants_both(tmp_path: Path) -> None:
    entry = open_pack(SAMPLE_PACK)[0]
    for kind, source in (("images", entry.image), ("masks", entry.folder / "buildings.png")):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / f"block{source.suffix}").write_bytes(source.read_bytes())
    given = ("segment", "eval", "--images", str(tmp_path / "images"))
    refused = CliRunner().invoke(app, given)
    assert refused.exit_code == 2
    assert "give images and masks, or a pack" in refused.stderr
    outcome = CliRunner().invoke(app, [*given, "--masks", str(tmp_path / "masks"), "--json"])
    scores = json.loads(outcome.stdout)
    assert (scores["images"], scores["seen_images"]) == (1, 0)
    half = CliRunner().invoke(app, [*given, "--masks", str(tmp_path / "masks"), "--cell-size-m", "0.5", "--json"])
    assert json.loads(half.stdout)["iou"] < scores["iou"]  # at the wrong scale


def test_a_drawn_mask_is_that_of_the_network(tmp_path: Path) -> None:
    entry = open_pack(SAMPLE_PACK)[0]
    out = tmp_path / "mask.png"
    outcome = CliRunner().invoke(app, ["segment", "draw", str(entry.image), "--out", str(out), "--json"])
    drawn = cv2.imread(str(out), cv2.IMREAD_GRAYSCALE)
    assert drawn is not None
    assert json.loads(outcome.stdout)["building_share"] == pytest.approx((drawn > 127).mean())
    true = entry.truth().buildings
    assert (true & (drawn > 127)).sum() / (true | (drawn > 127)).sum() > 0.75


def test_a_mask_that_cannot_be_written_is_no_success() -> None:
    image = open_pack(SAMPLE_PACK)[0].image
    outcome = CliRunner().invoke(app, ["segment", "draw", str(image), "--out", "/proc/mask.png"])
    assert outcome.exit_code == 2
    assert "/proc/mask.png cannot be written: " in outcome.stderr


@pytest.mark.parametrize(("image", "out", "told"), [("none.jpg", "m.png", "none.jpg"), ("x", "m.jpg", "give a .png")])
def test_unusable_paths_are_named(tmp_path: Path, image: str, out: str, told: str) -> None:
    outcome = CliRunner().invoke(app, ["segment", "draw", str(tmp_path / image), "--out", str(tmp_path / out)])
    assert outcome.exit_code == 2
    assert told in outcome.stderr
