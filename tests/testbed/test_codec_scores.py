"""Codecs are scored on what they write and what comes back."""

import json

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from radiosem.codecs import make_codec
from radiosem.errors import InputError
from testbed.cli import app
from testbed.codec_scores import read_masks, score_codec


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(3)
    for k in range(2):
        mask = cv2.blur(rng.random((64, 96)), (9, 9)) > 0.5
        cv2.imwrite(str(tmp_path / f"{k}.png"), mask.astype(np.uint8) * 255)
    return tmp_path


def test_bits_are_those_of_the_sections_written(folder):
    masks = read_masks(folder)
    scores = score_codec("context", masks)
    assert scores.mean_bits == np.mean([8 * len(make_codec("context").encode(m)) for m in masks])
    assert (scores.maps, scores.wrong_pixel_share) == (2, 0)


def test_wrong_pixels_of_a_lossy_codec_are_counted(folder):
    masks = read_masks(folder)
    codec = make_codec("jpeg")
    wrong = np.mean([np.mean(codec.decode(codec.encode(m), m.shape) != m) for m in masks])
    assert score_codec("jpeg", masks).wrong_pixel_share == wrong > 0


def test_the_command_prints_json(folder):
    outcome = CliRunner().invoke(app, ["codecs", "eval", "--codec", "jpeg", "--masks", str(folder), "--json"])
    assert outcome.exit_code == 0
    assert set(json.loads(outcome.stdout)) == {
        *("codec", "maps", "mean_bits", "wrong_pixel_share", "encode_ms", "decode_ms")
    }


def test_a_folder_without_masks_is_refused_by_name(tmp_path):
    with pytest.raises(InputError, match=str(tmp_path)):
        read_masks(tmp_path)


def test_a_broken_mask_is_named(folder):
    (folder / "2.png").write_bytes(b"no PNG")
    with pytest.raises(InputError, match=r"2\.png"):
        read_masks(folder)
