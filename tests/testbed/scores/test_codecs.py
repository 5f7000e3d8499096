"""Codecs are scored on what they write and what comes back."""

import json

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from radiosem.codecs import make_codec
from radiosem.errors import InputError
from radiosem_models.data import Dataset
from testbed.cli import app
from testbed.pack import SAMPLE_PACK, open_pack
from testbed.scores.codecs import count_seen, read_masks, score_codec
from tests.radiosem.conftest import png_claiming


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(3)
    for k in range(2):
        mask = cv2.blur(rng.random((64, 96)), (9, 9)) > 0.5
        cv2.imwrite(str(tmp_path / f"{k}.png"), mask.astype(np.uint8) * 255)
    return tmp_path


def test_bits_are_those_of_the_sections_written(folder):
    masks = list(read_masks(folder).values())
    scores = score_codec("context", masks)
    assert scores.mean_bits == np.mean([8 * len(make_codec("context").encode(m)) for m in masks])
    assert (scores.maps, scores.wrong_pixel_share) == (2, 0)


def test_wrong_pixels_of_a_lossy_codec_are_counted(folder):
    masks = list(read_masks(folder).values())
    codec = make_codec("jpeg")
    wrong = np.mean([np.mean(codec.decode(codec.encode(m), m.shape) != m) for m in masks])
    assert score_codec("jpeg", masks).wrong_pixel_share == wrong > 0


def test_the_command_prints_json(folder):
    outcome = CliRunner().invoke(app, ["codecs", "eval", "--codec", "jpeg", "--masks", str(folder), "--json"])
    assert outcome.exit_code == 0
    assert set(json.loads(outcome.stdout)) == {
        *("codec", "maps", "mean_bits", "wrong_pixel_share", "encode_ms", "decode_ms", "seen_maps")
    }


def test_every_mask_of_a_pack_is_scored_once():
    outcome = CliRunner().invoke(app, ["codecs", "eval", "--codec", "bitmap", "--pack", str(SAMPLE_PACK), "--json"])
    assert outcome.exit_code == 0
    scores = json.loads(outcome.stdout)
    different = {entry.truth().buildings.tobytes() for entry in open_pack()}
    assert (scores["maps"], scores["mean_bits"], scores["seen_maps"]) == (len(different), 65536, 0)


def test_masks_are_taken_from_one_place(folder):
    arguments = ["codecs", "eval", "--masks", str(folder), "--pack", str(SAMPLE_PACK)]
    outcome = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})
    assert outcome.exit_code == 2
    assert "give one of --masks, --data and --pack" in outcome.stderr


@pytest.mark.parametrize("codec", ["context", "vqvae"])
def test_masks_that_a_codec_learned_from_are_refused_or_counted(codec, learned):
    masks = Dataset(learned).masks(["0", "1"])
    with pytest.raises(InputError, match=f"codec {codec} saw the buildings of 1 of 2 maps in training: 0 "):
        count_seen(codec, masks)
    assert count_seen(codec, masks, allow_seen=True) == 1
    assert count_seen(codec, {"1": masks["1"]}) == 0


def test_a_codec_that_learned_nothing_has_seen_nothing(learned):
    assert count_seen("jpeg", Dataset(learned).masks(["0", "1"])) == 0


def test_what_a_codec_learned_from_is_told_or_refused_as_unknown(learned, tmp_path, monkeypatch):
    monkeypatch.setenv("RADIOSEM_WEIGHTS", str(tmp_path / "empty"))
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty/MANIFEST.toml").write_text("")
    with pytest.raises(InputError, match="tables of context cannot be checked for leaks"):
        count_seen("context", Dataset(learned).masks(["1"]))
    assert count_seen("context", Dataset(learned).masks(["1"]), allow_seen=True) is None


def test_the_command_refuses_what_was_learned_from_and_prints_how_many_were(learned):
    arguments = ["codecs", "eval", "--codec", "context", "--data", str(learned), "--split", "all", "--json"]
    assert CliRunner().invoke(app, arguments).exit_code == 2
    outcome = CliRunner().invoke(app, [*arguments, "--allow-seen"])
    assert json.loads(outcome.stdout)["seen_maps"] == 1
    folder = str(learned / "png/buildings_complete")
    outcome = CliRunner().invoke(app, ["codecs", "eval", "--codec", "context", "--masks", folder, "--json"])
    assert json.loads(outcome.stdout)["seen_maps"] == 1


def test_a_folder_without_masks_is_refused_by_name(tmp_path):
    with pytest.raises(InputError, match=str(tmp_path)):
        read_masks(tmp_path)


def test_a_broken_mask_is_named(folder):
    (folder / "2.png").write_bytes(b"no PNG")
    with pytest.raises(InputError, match=r"2\.png"):
        read_masks(folder)


def test_a_mask_that_claims_more_than_a_grid_is_named(folder):
    (folder / "2.png").write_bytes(png_claiming(200_000, 200_000))
    outcome = CliRunner().invoke(app, ["codecs", "eval", "--codec", "context", "--masks", str(folder)])
    assert outcome.exit_code == 2
    assert "2.png claims 200000 x 200000 pixels" in " ".join(outcome.stderr.split())
