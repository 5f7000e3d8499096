"""Codecs are found by name at the edge and by content id at the receiver."""

import logging
from pathlib import Path

import numpy as np
import pytest

from radiosem.codecs import as_received, codec_names, make_codec, receiver_codecs
from radiosem.errors import InputError, WeightsError
from radiosem.types import Transmitter


@pytest.fixture
def no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RADIOSEM_WEIGHTS", str(tmp_path))
    return tmp_path


def test_the_lossless_code_comes_first() -> None:
    assert codec_names() == ("context", "jpeg", "vqvae", "bitmap")


def test_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"'gzip'.*context, jpeg, vqvae, bitmap"):
        make_codec("gzip")


def test_unknown_option_is_named() -> None:
    with pytest.raises(InputError, match="context does not take options quality"):
        make_codec("context", quality=3)


def test_receiver_holds_what_it_has_weights_for_and_says_what_not(
    no_weights: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        held = receiver_codecs()
    assert {codec.name for codec in held.values()} == {"context", "jpeg", "bitmap"}
    assert all(key == codec.codec_id and len(key) == 4 for key, codec in held.items())
    assert "codec vqvae is not held" in caplog.text


def test_edge_without_weights_is_told(no_weights: Path) -> None:
    with pytest.raises(WeightsError):
        make_codec("vqvae")


@pytest.mark.parametrize("name", codec_names())
def test_what_is_received_of_a_mask_is_known_without_a_link(name: str) -> None:
    mask = np.zeros((64, 96), np.bool_)
    mask[10:31, 7:52] = mask[40:47, 60:61] = True
    codec = make_codec(name)
    received = as_received(mask, codec, ())
    assert np.array_equal(received, codec.decode(codec.encode(mask), (64, 96)))
    assert np.array_equal(received, mask) == codec.lossless
    assert not as_received(mask, codec, (Transmitter(30, 12),))[:13, 30].any()
