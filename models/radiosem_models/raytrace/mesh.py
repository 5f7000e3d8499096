"""Footprint rings and a height -> a building as one closed mesh standing on the ground."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WELD_M = 0.01  # vertices nearer than this are one


@dataclass(frozen=True)
class Mesh:
    """Triangles: `vertices` float64 [V, 3] in metres (east, north, up), `faces` int64 [F, 3] of vertex numbers."""

    vertices: NDArray[np.float64]
    faces: NDArray[np.int64]


def extruded(rings: Sequence[NDArray[np.float64]], height_m: float) -> Mesh | None:
    """Walls and a flat roof over a footprint; there is no floor, since it stands on the ground.

    rings    float64 [n, 2] each, the outer one first, then holes; the last point does not repeat the first
    returns  None when the footprint has no area
    """
    import mapbox_earcut

    rings = [ring for ring in rings if len(ring) >= 3]
    if not rings:
        return None
    flat, ends = np.concatenate(rings), np.cumsum([len(ring) for ring in rings])
    roof = np.array(mapbox_earcut.triangulate_float64(flat, ends.astype(np.uint32))).reshape(-1, 3).astype(np.int64)
    if not len(roof):
        return None
    n = len(flat)
    vertices = np.concatenate([np.column_stack([flat, np.zeros(n)]), np.column_stack([flat, np.full(n, height_m)])])
    walls, start = [], 0
    for ring in rings:
        i = np.arange(start, start + len(ring))
        j = np.roll(i, -1)
        walls += [np.column_stack([i, j, j + n]), np.column_stack([i, j + n, i + n])]
        start += len(ring)
    return Mesh(vertices, np.concatenate([roof + n, *walls]))


def joined(meshes: Iterable[Mesh]) -> Mesh:
    """Several meshes as one; their vertices stay apart."""
    meshes = list(meshes)
    offsets = np.cumsum([0] + [len(mesh.vertices) for mesh in meshes[:-1]])
    return Mesh(
        np.concatenate([mesh.vertices for mesh in meshes]),
        np.concatenate([mesh.faces + offset for mesh, offset in zip(meshes, offsets, strict=True)]),
    )


def welded(mesh: Mesh) -> Mesh:
    """One vertex where several lie within a centimetre: edges shared by walls and roofs diffract only then."""
    cells = np.round(mesh.vertices / WELD_M).astype(np.int64)
    _, first, index = np.unique(cells, axis=0, return_index=True, return_inverse=True)
    faces = index.ravel()[mesh.faces]
    solid = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 0] != faces[:, 2])
    return Mesh(mesh.vertices[first], faces[solid])
