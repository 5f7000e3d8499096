"""Whatever a file named .png holds: pixels, or a refusal that names it, before memory is spent."""

import cv2
import numpy as np
import pytest

from radiosem.errors import MalformedFileError
from radiosem.images import read_grey, read_png
from radiosem.types import MAX_SIDE
from tests.radiosem.conftest import png_claiming


@pytest.mark.parametrize("shape", [(1, 1), (33, 70), (MAX_SIDE, MAX_SIDE)])
def test_a_grey_png_comes_out_as_it_went_in(tmp_path, shape):
    grey = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), grey)
    np.testing.assert_array_equal(read_grey(tmp_path / "a.png"), grey)


def test_depth_and_channels_are_those_of_the_file_unless_grey_is_wanted(tmp_path):
    for name, image in (("deep", np.full((8, 9), 999, np.uint16)), ("coloured", np.full((8, 9, 3), 7, np.uint8))):
        path = tmp_path / f"{name}.png"
        cv2.imwrite(str(path), image)
        np.testing.assert_array_equal(read_png(path), image)
        assert (read_grey(path).dtype, read_grey(path).shape) == (np.uint8, (8, 9))


@pytest.mark.parametrize("sides", [(200_000, 200_000), (30_000, 30_000), (MAX_SIDE + 1, 1), (1, 2**31 - 1)])
def test_a_header_that_claims_more_than_a_grid_is_refused_by_name(tmp_path, sides):
    path = tmp_path / "vast.png"
    path.write_bytes(png_claiming(*sides))
    with pytest.raises(MalformedFileError, match=r"vast\.png claims {} x {} pixels; at most 1024".format(*sides)):
        read_grey(path)


def test_a_large_image_that_is_sound_is_refused_without_being_decoded(tmp_path, monkeypatch):
    cv2.imwrite(str(tmp_path / "large.png"), np.zeros((16, MAX_SIDE + 1), np.uint8))
    monkeypatch.setattr(cv2, "imread", None)
    with pytest.raises(MalformedFileError, match=r"large\.png claims 1025 x 16"):
        read_grey(tmp_path / "large.png")


@pytest.mark.parametrize("content", [b"", b"no", b"\x89PNG\r\n\x1a\n", b"P5 1 1 255\n\0", png_claiming(0, 0)])
def test_what_is_no_png_is_refused_by_name(tmp_path, content):
    (tmp_path / "odd.png").write_bytes(content)
    with pytest.raises(MalformedFileError, match=r"odd\.png cannot be read as an image; expected an 8-bit grey PNG"):
        read_grey(tmp_path / "odd.png")


def test_a_file_that_is_not_there_is_refused_by_name(tmp_path):
    (tmp_path / "folder.png").mkdir()
    for name, why in (("none.png", "No such file"), ("folder.png", "Is a directory")):
        with pytest.raises(MalformedFileError, match=f"{name} cannot be read: {why}"):
            read_grey(tmp_path / name)
