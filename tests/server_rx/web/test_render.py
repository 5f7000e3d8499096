"""Pictures: colours by value, transparent where there is nothing to show, north up."""

import io

import numpy as np
from PIL import Image

from server_rx.web.render import buildings_png, map_png, outage_png, viridis


def rgba(png):
    return np.array(Image.open(io.BytesIO(png)).convert("RGBA"))


def test_a_map_runs_through_the_colour_map_and_buildings_are_transparent():
    picture = rgba(map_png(np.array([[-120, -50, -200], [np.nan, -85, 0]], np.float32), -120.0, -50.0))
    table = viridis()
    assert picture[0, 0].tolist() == [*table[0], 255]
    assert picture[0, 1].tolist() == [*table[-1], 255]
    assert picture[0, 2].tolist() == [*table[0], 255]  # below the range
    assert picture[1, 2].tolist() == [*table[-1], 255]  # above it
    assert picture[1, 1].tolist() == [*table[127], 255]
    assert picture[1, 0, 3] == 0


def test_the_colour_map_only_ever_gets_lighter():
    luminance = viridis() @ [0.2126, 0.7152, 0.0722]
    assert np.all(np.diff(luminance) > -0.5)  # a level of rounding
    assert luminance[-1] - luminance[0] > 180


def test_overlays_show_what_they_are_of_and_nothing_else():
    mask = np.array([[True, False], [False, True]])
    for draw in (outage_png, buildings_png):
        assert np.array_equal(rgba(draw(mask))[..., 3] == 255, mask)
        assert np.array_equal(rgba(draw(mask))[..., 3] == 0, ~mask)
