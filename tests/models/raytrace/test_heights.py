"""Heights seen from above."""

import numpy as np
import pytest

from radiosem_models.raytrace.heights import SIDE, height_map
from radiosem_models.raytrace.mesh import Mesh, extruded, joined, welded


def test_a_box_covers_the_cells_whose_centres_lie_in_it(box):
    heights = height_map([box(1000 + 10, 2000 - 20, 7, 4, 12.5)], 1000.0, 2000.0)
    expected = np.zeros((SIDE, SIDE))
    expected[128 - 20 : 128 - 16, 128 + 10 : 128 + 17] = 12.5
    np.testing.assert_allclose(heights, expected)


def test_the_highest_roof_wins_and_a_slanting_one_slants(box):
    vertices = np.array([[-128.0, -128, 0], [128, -128, 25.6], [128, 128, 25.6], [-128, 128, 0]])
    slope = Mesh(vertices, np.array([[0, 1, 2], [0, 2, 3]]))
    heights = height_map([slope, box(-100, -100, 20, 20, 5), box(-100, -100, 20, 20, 30)], 0.0, 0.0)
    assert heights[40, 40] == pytest.approx(30)
    np.testing.assert_allclose(heights[200], (np.arange(SIDE) + 0.5) / 10, atol=1e-9)


def test_a_footprint_without_area_is_no_building():
    assert extruded([np.array([[0.0, 0], [1, 0]])], 5.0) is None
    assert extruded([np.array([[0.0, 0], [1, 0], [2, 0]])], 5.0) is None


def test_welding_joins_walls_and_roof_and_changes_no_height():
    walls = Mesh(np.array([[0.0, 0, 0], [10, 0, 0], [10, 0, 8], [0, 0, 8]]), np.array([[0, 1, 2], [0, 2, 3]]))
    roof = Mesh(np.array([[0.0, 0, 8], [10.001, 0, 8], [10, 10, 8], [0, 10, 8]]), np.array([[0, 1, 2], [0, 2, 3]]))
    apart = joined([walls, roof])
    one = welded(apart)
    assert len(apart.vertices) == 8
    assert len(one.vertices) == 6
    assert len(one.faces) == 4
    np.testing.assert_allclose(height_map([one], 0, 0), height_map([apart], 0, 0))
