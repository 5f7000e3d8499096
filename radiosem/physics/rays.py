"""Buildings and a transmitter -> what rays bring around the corners, in plan: reflections and diffraction.

Walls are taken as vertical and endless, so that a ray's plan is that of its path: specular reflections keep to it, and
a mask is enough to follow them. What goes over the roofs is not seen here. The cells' own sides would mirror along the
axes alone: rays meet straight walls, the polygons that the outlines of the mask are drawn as.

    mask -- outlines --> polygons --> straight walls, filed by the cells they cross
    transmitter -- rays in all directions --> wall -- mirrored --> ... up to five walls     power / distance^2
    transmitter -- sight line --> edge of a wall -- into the shadow behind              Friis less a knife edge
"""

import functools
import math
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from radiosem.compiled import compiled
from radiosem.physics.depth import free_space_gain
from radiosem.types import SPEED_OF_LIGHT_M_S, BuildingMap, Transmitter

RAYS, RAYS_SIDE, BOUNCES = 1024, 256, 5  # so many rays for grids of so many cells a side, more in proportion
WEAKEST = 1e-5  # share of its power at which a ray is given up
PERMITTIVITY = 5.24  # of concrete (ITU-R P.2040-3, table 3), its small imaginary part left out
# cells: how far a straight wall may stray from the outline of the mask; less where a transmitter would end up inside
STRAYS = 1.5, 0.75, 0.2
SMALLEST = 12  # half cells around a thing: what is smaller mirrors nothing
DEEP = 5  # cells: side of the square, wholly inside a building, where a ray that slipped past its walls ends
FIELD_SIGMA = 1.5  # cells: of what rays sampled
FANS = 256  # directions into the half plane behind an edge: three cells apart at RAYS_SIDE; more in proportion


def reflected_gain(
    buildings: BuildingMap, transmitter: Transmitter, cell_size_m: float = 1.0
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Linear power gain between isotropic antennas by walls that mirror, in plan.

    buildings    bool [H, W], row 0 = north
    transmitter  inside the grid, outdoors; from indoors nothing gets out
    returns      by one wall, and by two to five: each float32 [H, W], 0 indoors; smoothed over a few cells,
                 behind thin walls too
    """
    rays = RAYS * math.ceil(max(buildings.shape) / RAYS_SIDE)
    reflected = np.zeros((2, *buildings.shape), np.float32)
    if not buildings[transmitter.row, transmitter.col]:
        place = (float(transmitter.col), float(transmitter.row))
        for stray in STRAYS:
            obstacles = _obstacles(buildings.tobytes(), buildings.shape, stray)
            if not _inside(obstacles.walls, *place):
                break
        _reflect(*obstacles, *place, rays, BOUNCES, PERMITTIVITY, WEAKEST, reflected)
    # A cell of a ray's density: rays / (2 pi distance) rays cross a cell's width, each with power / distance.
    unit = np.float32(free_space_gain(cell_size_m, transmitter.frequency_hz) * 2 * math.pi / rays)
    outdoors = ~buildings
    near = np.maximum(cv2.GaussianBlur(outdoors.astype(np.float32), (0, 0), FIELD_SIGMA), 1e-3)
    reflected *= outdoors
    scale = outdoors * unit / near
    once, again = (scale * cv2.GaussianBlur(field, (0, 0), FIELD_SIGMA) for field in reflected)
    return once, again


def diffracted_gain(
    buildings: BuildingMap, sight: NDArray[np.bool_], transmitter: Transmitter, cell_size_m: float = 1.0
) -> NDArray[np.float32]:
    """Linear power gain between isotropic antennas by the best single vertical edge, out of sight.

    buildings    bool [H, W], row 0 = north
    sight        bool [H, W], where the sight line is free
    transmitter  inside the grid, outdoors; from indoors nothing gets out
    returns      float32 [H, W], 0 where nothing arrives by a bend of at most 90 degrees, in sight and indoors
    """
    diffracted = np.zeros(buildings.shape, np.float32)
    if buildings[transmitter.row, transmitter.col]:
        return diffracted
    edges = np.argwhere(_edges(buildings, sight))
    place = (float(transmitter.col), float(transmitter.row))
    wavelength = SPEED_OF_LIGHT_M_S / transmitter.frequency_hz / cell_size_m  # in cells, as all lengths of the loop
    fans = FANS * math.ceil(max(buildings.shape) / RAYS_SIDE)
    _diffract(buildings, sight, *place, wavelength, edges, fans, diffracted)
    # Far from the edge the fan leaves cells out: they have what their neighbours have.
    spread = cv2.dilate(diffracted, np.ones((3, 3), np.uint8)) * ~(buildings | sight)
    return np.asarray(spread * free_space_gain(cell_size_m, transmitter.frequency_hz), np.float32)


class _Obstacles(NamedTuple):
    """What rays meet.

    deep          bool [H, W], where one that slipped past the walls ends
    walls         float64 [S, 6], see `_walls`
    first, filed  the walls of every cell, see `_by_cell`
    """

    deep: NDArray[np.bool_]
    walls: NDArray[np.float64]
    first: NDArray[np.int64]
    filed: NDArray[np.int32]


@functools.lru_cache(maxsize=1)  # transmitters of one block come one after the other
def _obstacles(mask: bytes, shape: tuple[int, int], stray: float) -> _Obstacles:
    buildings = np.frombuffer(mask, np.uint8).reshape(shape)
    walls = _walls(buildings, stray)
    deep = cv2.erode(buildings, np.ones((DEEP, DEEP), np.uint8)) > 0
    return _Obstacles(deep, walls, *_by_cell(walls, *shape))


def _walls(buildings: NDArray[np.uint8], stray: float) -> NDArray[np.float64]:
    """Straight walls, [S, 6]: column and row of either end (cell c spans c to c + 1), and the unit vector outwards."""
    # Twice as fine, so that the outline is at the cells' sides.
    fine = cv2.resize(buildings, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    outlines, _ = cv2.findContours(fine, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    polygons: list[NDArray[np.int32]] = [np.zeros((0, 2), np.int32)]
    for outline in outlines:
        if len(outline) >= SMALLEST:
            corners = cv2.approxPolyDP(outline, 2 * stray, closed=True)
            if len(corners) < 3:  # thinner than it may stray
                corners = cv2.approxPolyDP(outline, 2 * STRAYS[-1], closed=True)
            polygons.append(np.asarray(corners[:, 0], np.int32))
    start = (np.concatenate(polygons) + 0.5) / 2
    end = np.roll(start, -1, 0)
    sizes = np.array([len(polygon) for polygon in polygons[1:]], np.intp)
    last = np.cumsum(sizes) - 1
    end[last] = start[last + 1 - sizes]  # back to where its polygon began
    along = end - start
    length = np.hypot(along[:, 0], along[:, 1])
    # Outlines run with their building on the same hand, holes the other way round.
    outward = np.stack([-along[:, 1], along[:, 0]], 1) / np.maximum(length, 1e-9)[:, None]
    return np.ascontiguousarray(np.concatenate([start, end, outward], 1)[length > 0])


def _inside(walls: NDArray[np.float64], col: float, row: float) -> bool:
    """True when the middle of a cell lies within the polygons: a line to the west crosses an odd number of walls."""
    x0, y0, x1, y1 = walls[:, :4].T
    spans = (y0 <= row + 0.5) != (y1 <= row + 0.5)
    x0, y0, x1, y1 = (values[spans] for values in (x0, y0, x1, y1))
    crossed = x0 + (row + 0.5 - y0) / (y1 - y0) * (x1 - x0) < col + 0.5
    return bool(np.count_nonzero(crossed) % 2)


@compiled
def _by_cell(walls, rows, cols):  # type: ignore[no-untyped-def]
    """Which walls cross which cell: those of cell i are filed[first[i] : first[i + 1]], i = row * cols + column."""
    slack = 0.01  # a wall between two cells is filed in both
    first = np.zeros(rows * cols + 1, np.int64)
    filed = np.empty(0, np.int32)
    for filing in (False, True):
        if filing:
            first[1:] = np.cumsum(first[1:])
            filed = np.empty(first[rows * cols], np.int32)
            free = first[:-1].copy()
        for wall in range(len(walls)):
            x0, y0, x1, y1 = walls[wall, 0], walls[wall, 1], walls[wall, 2], walls[wall, 3]
            west, east = math.floor(min(x0, x1) - slack), math.floor(max(x0, x1) + slack)
            for c in range(max(west, 0), min(east, cols - 1) + 1):
                enters, leaves = 0.0, 1.0
                if abs(x1 - x0) > slack:
                    a, b = (c - slack - x0) / (x1 - x0), (c + 1 + slack - x0) / (x1 - x0)
                    enters, leaves = max(min(a, b), 0.0), min(max(a, b), 1.0)
                a, b = y0 + enters * (y1 - y0), y0 + leaves * (y1 - y0)
                north, south = math.floor(min(a, b) - slack), math.floor(max(a, b) + slack)
                for r in range(max(north, 0), min(south, rows - 1) + 1):
                    cell = r * cols + c
                    if filing:
                        filed[free[cell]] = wall
                        free[cell] += 1
                    else:
                        first[cell + 1] += 1
    return first, filed


def _edges(buildings: BuildingMap, sight: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Cells in sight that touch a building and a shadow: there the rays turn."""
    square = np.ones((3, 3), np.uint8)
    by_wall, by_shadow = (cv2.dilate(a.astype(np.uint8), square) > 0 for a in (buildings, ~sight & ~buildings))
    return np.asarray(sight & ~buildings & by_wall & by_shadow)


@compiled
def _reflect(  # type: ignore[no-untyped-def]
    deep, walls, first, filed, col, row, rays, bounces, permittivity, weakest, reflected
):
    """Add length in the cell x power / path of every ray to every cell it crosses after its first wall."""
    rows, cols = deep.shape
    for number in range(rays):
        angle = 2 * math.pi * (number + 0.5) / rays
        dx, dy = math.cos(angle), math.sin(angle)
        x, y = col + 0.5, row + 0.5
        c, r = int(x), int(y)
        path, power = 0.0, 1.0
        for bounce in range(bounces + 1):
            step_x, step_y = (1 if dx > 0 else -1), (1 if dy > 0 else -1)
            each_x, each_y = 1 / max(abs(dx), 1e-12), 1 / max(abs(dy), 1e-12)
            next_x = (c + 1 - x if dx > 0 else x - c) * each_x
            next_y = (r + 1 - y if dy > 0 else y - r) * each_y
            gone, met = 0.0, -1
            while True:
                until = min(next_x, next_y)
                for i in range(first[r * cols + c], first[r * cols + c + 1]):
                    wall = filed[i]
                    out_x, out_y = walls[wall, 4], walls[wall, 5]
                    facing = -(dx * out_x + dy * out_y)
                    if facing < 1e-3:  # from behind or along it
                        continue
                    to_x, to_y = x - walls[wall, 0], y - walls[wall, 1]
                    away = (to_x * out_x + to_y * out_y) / facing
                    if away < gone - 1e-7 or away <= 1e-7 or away > until + 1e-7:
                        continue
                    along_x, along_y = walls[wall, 2] - walls[wall, 0], walls[wall, 3] - walls[wall, 1]
                    along = (to_x + away * dx) * along_x + (to_y + away * dy) * along_y
                    if -1e-4 <= along <= along_x * along_x + along_y * along_y + 1e-4:
                        until, met = away, wall
                if bounce > 0:
                    middle = path + 0.5 * (gone + until)
                    reflected[min(bounce, 2) - 1, r, c] += (until - gone) * power / max(middle, 1.0)
                gone = until
                if met >= 0:
                    break
                if next_x < next_y:
                    c += step_x
                    next_x += each_x
                else:
                    r += step_y
                    next_y += each_y
                if not (0 <= c < cols and 0 <= r < rows) or deep[r, c]:
                    break
            if met < 0:
                break
            path += gone
            out_x, out_y = walls[met, 4], walls[met, 5]
            cosine = -(dx * out_x + dy * out_y)
            # Fresnel, electric field along the wall: vertical antennas.
            root = math.sqrt(permittivity - 1 + cosine * cosine)
            power *= ((cosine - root) / (cosine + root)) ** 2
            if power < weakest:
                break
            x += dx * gone
            y += dy * gone
            c, r = min(max(int(x), 0), cols - 1), min(max(int(y), 0), rows - 1)
            dx += 2 * cosine * out_x
            dy += 2 * cosine * out_y
            length = math.sqrt(dx * dx + dy * dy)
            dx /= length
            dy /= length


@compiled
def _diffract(buildings, sight, col, row, wavelength, edges, fans, diffracted):  # type: ignore[no-untyped-def]
    """Fan out behind every edge; a cell keeps the best, 1 / distance^2 less a knife edge (ITU-R P.526-15, eq. 31)."""
    rows, cols = buildings.shape
    knife = 10**0.69
    steep = np.empty(rows + cols)  # nu of that equation for a bend of one radian, by the steps from the edge
    bends = ((np.arange(fans) + 0.5) / fans - 0.5) * math.pi
    ahead, aside = np.cos(bends), np.sin(bends)
    for edge in range(len(edges)):
        edge_y, edge_x = edges[edge, 0] + 0.5, edges[edge, 1] + 0.5
        to_x, to_y = edge_x - col - 0.5, edge_y - row - 0.5
        before = max(math.sqrt(to_x * to_x + to_y * to_y), 1.0)
        straight = math.atan2(to_y, to_x)
        straight_x, straight_y = math.cos(straight), math.sin(straight)
        known = 1
        for fan in range(fans):
            dx, dy = (
                straight_x * ahead[fan] - straight_y * aside[fan],
                straight_y * ahead[fan] + straight_x * aside[fan],
            )
            after = 1
            while True:
                c, r = math.floor(edge_x + dx * after), math.floor(edge_y + dy * after)
                if not (0 <= c < cols and 0 <= r < rows) or buildings[r, c]:
                    break
                if not sight[r, c]:
                    while known <= after:
                        steep[known] = math.sqrt(2 * before * known / (wavelength * (before + known)))
                        known += 1
                    nu = abs(bends[fan]) * steep[after] - 0.1
                    amplitude = (math.sqrt(nu * nu + 1) - nu) / (before + after)
                    diffracted[r, c] = max(diffracted[r, c], amplitude * amplitude / knife)
                after += 1
