"""Buildings and a transmitter -> what rays bring around the corners, in plan: reflections and diffraction.

Walls are taken as vertical and endless, so that a ray's plan is that of its path: specular reflections keep to it, and
a mask is enough to follow them. What goes over the roofs is not seen here.

    transmitter -- rays in all directions --> wall -- mirrored --> ... up to five walls     power / distance^2
    transmitter -- sight line --> edge of a wall -- into the shadow behind              Friis less a knife edge
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from radiosem.compiled import compiled
from radiosem.depth import free_space_gain
from radiosem.types import SPEED_OF_LIGHT_M_S, BuildingMap, Transmitter

RAYS, RAYS_SIDE, BOUNCES = 1024, 256, 5  # so many rays for grids of so many cells a side, more in proportion
WEAKEST = 1e-5  # share of its power at which a ray is given up
PERMITTIVITY = 5.24  # of concrete (ITU-R P.2040-3, table 3), its small imaginary part left out
CORNER, SHORTEST_WALL = 1.0, 4  # cells: how far an outline may stray from a wall; cells of the shortest wall
# cells: of the mask, before its slope tells how a corner looks; of what rays sampled
WALL_SIGMA, FIELD_SIGMA = 1.0, 1.5
FANS = 128  # directions into the half plane behind an edge


def reflected_gain(
    buildings: BuildingMap, transmitter: Transmitter, cell_size_m: float = 1.0
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Linear power gain between isotropic antennas by walls that mirror, in plan.

    buildings    bool [H, W], row 0 = north
    transmitter  inside the grid, outdoors; from indoors nothing gets out
    returns      by one wall, and by two to five: each float32 [H, W], 0 where nothing arrives and indoors
    """
    outdoors = ~buildings
    rays = RAYS * math.ceil(max(buildings.shape) / RAYS_SIDE)
    reflected = np.zeros((2, *buildings.shape), np.float32)
    if outdoors[transmitter.row, transmitter.col]:
        east, south = _outward(buildings)
        place = (float(transmitter.col), float(transmitter.row))
        _reflect(buildings, east, south, *place, rays, BOUNCES, PERMITTIVITY, WEAKEST, reflected)
    near = np.maximum(cv2.GaussianBlur(outdoors.astype(np.float32), (0, 0), FIELD_SIGMA), 1e-3)
    # A cell of a ray's density: rays / (2 pi distance) rays cross a cell's width, each with power / distance.
    unit = outdoors * np.float32(free_space_gain(cell_size_m, transmitter.frequency_hz) * 2 * math.pi / rays) / near
    once, again = (np.asarray(unit * cv2.GaussianBlur(field, (0, 0), FIELD_SIGMA), np.float32) for field in reflected)
    return once, again


def diffracted_gain(
    buildings: BuildingMap, sight: NDArray[np.bool_], transmitter: Transmitter, cell_size_m: float = 1.0
) -> NDArray[np.float32]:
    """Linear power gain between isotropic antennas by the best single vertical edge, out of sight.

    buildings    bool [H, W], row 0 = north
    sight        bool [H, W], where the sight line is free
    transmitter  inside the grid, outdoors; from indoors nothing gets out
    returns      float32 [H, W], 0 where nothing arrives, in sight and indoors
    """
    diffracted = np.zeros(buildings.shape, np.float32)
    if buildings[transmitter.row, transmitter.col]:
        return diffracted
    edges = np.argwhere(_edges(buildings, sight))
    place = (float(transmitter.col), float(transmitter.row))
    wavelength = SPEED_OF_LIGHT_M_S / transmitter.frequency_hz / cell_size_m  # in cells, as all lengths of the loop
    _diffract(buildings, sight, *place, wavelength, edges, FANS, diffracted)
    # Far from the edge the fan leaves cells out: they have what their neighbours have.
    spread = cv2.dilate(diffracted, np.ones((3, 3), np.uint8)) * ~(buildings | sight)
    return np.asarray(spread * free_space_gain(cell_size_m, transmitter.frequency_hz), np.float32)


def _outward(buildings: BuildingMap) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Vectors out of the walls, columns east and rows south, each [H, W], of any length; of use on the buildings' rim.

    A wall is what lies between two corners of the outline drawn as a polygon, and all its cells look the same way; at
    corners and on small things the slope of the mask must do.
    """
    smooth = cv2.GaussianBlur(buildings.astype(np.float32), (0, 0), WALL_SIGMA)
    east, south = (
        np.asarray(cv2.Sobel(smooth, cv2.CV_32F, *axes, ksize=3, scale=-1), np.float32) for axes in ((1, 0), (0, 1))
    )
    outlines, _ = cv2.findContours(buildings.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    walls = [outline for outline in outlines if len(outline) >= SHORTEST_WALL]
    if walls:
        corners = [cv2.approxPolyDP(wall, CORNER, closed=True) for wall in walls]
        cells, corner_cells = (np.concatenate(points)[:, 0] for points in (walls, corners))
        counts = np.array([(len(wall), len(turns)) for wall, turns in zip(walls, corners, strict=True)])
        _straighten(cells, corner_cells, counts, SHORTEST_WALL, east, south)
    return east, south


@compiled
def _straighten(cells, corners, counts, shortest, east, south):  # type: ignore[no-untyped-def]
    """Turn the vectors of each wall between two corners of an outline to the normal of the line through its cells.

    counts  [outlines, 2]: how many of `cells`, and of `corners`, are of one outline after the other
    """
    cells_before, corners_before = 0, 0
    for count, turns in counts:
        outline = cells[cells_before : cells_before + count]
        turn = corners[corners_before : corners_before + turns]
        cells_before += count
        corners_before += turns
        start = 0
        while start < count - 1 and (outline[start, 0] != turn[0, 0] or outline[start, 1] != turn[0, 1]):
            start += 1
        first = start
        corner = 1
        for k in range(start + 1, start + count + 1):
            x, y = outline[k % count]
            goal = turn[corner % turns]
            if k < start + count and (x != goal[0] or y != goal[1]):
                continue
            length = k - first + 1
            if length >= shortest:
                mean_x, mean_y = 0.0, 0.0
                for i in range(first, k + 1):
                    mean_x += outline[i % count, 0] / length
                    mean_y += outline[i % count, 1] / length
                xx, yy, xy = 0.0, 0.0, 0.0
                for i in range(first, k + 1):
                    dx, dy = outline[i % count, 0] - mean_x, outline[i % count, 1] - mean_y
                    xx += dx * dx
                    yy += dy * dy
                    xy += dx * dy
                along = 0.5 * math.atan2(2 * xy, xx - yy)
                normal_x, normal_y = -math.sin(along), math.cos(along)
                for i in range(first + 1, k):
                    col, row = outline[i % count]
                    sign = -1.0 if normal_x * east[row, col] + normal_y * south[row, col] < 0 else 1.0
                    east[row, col], south[row, col] = sign * normal_x, sign * normal_y
            first = k
            corner += 1


def _edges(buildings: BuildingMap, sight: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Cells in sight that touch a building and a shadow: there the rays turn."""
    square = np.ones((3, 3), np.uint8)
    by_wall, by_shadow = (cv2.dilate(a.astype(np.uint8), square) > 0 for a in (buildings, ~sight & ~buildings))
    return np.asarray(sight & ~buildings & by_wall & by_shadow)


@compiled
def _reflect(  # type: ignore[no-untyped-def]
    buildings, east, south, col, row, rays, bounces, permittivity, weakest, reflected
):
    """Add length in the cell x power / path of every ray to every cell it crosses after its first wall."""
    rows, cols = buildings.shape
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
            gone, wall_c, wall_r = 0.0, c, r
            while True:
                until = min(next_x, next_y)
                if bounce > 0:
                    middle = path + 0.5 * (gone + until)
                    reflected[min(bounce, 2) - 1, r, c] += (until - gone) * power / max(middle, 1.0)
                gone = until
                wall_c, wall_r = c, r
                if next_x < next_y:
                    wall_c += step_x
                    next_x += each_x
                else:
                    wall_r += step_y
                    next_y += each_y
                if not (0 <= wall_c < cols and 0 <= wall_r < rows) or buildings[wall_r, wall_c]:
                    break
                c, r = wall_c, wall_r
            if not (0 <= wall_c < cols and 0 <= wall_r < rows):
                break
            path += gone
            out_x, out_y = float(east[wall_r, wall_c]), float(south[wall_r, wall_c])
            length = math.sqrt(out_x * out_x + out_y * out_y)
            out_x, out_y = out_x / max(length, 1e-9), out_y / max(length, 1e-9)
            cosine = -(dx * out_x + dy * out_y)
            if cosine <= 0.02:  # the wall seems to look away: take the side of the cell that was hit
                out_x, out_y = (-float(step_x), 0.0) if wall_c != c else (0.0, -float(step_y))
                cosine = -(dx * out_x + dy * out_y)
            # Fresnel, electric field along the wall: vertical antennas.
            root = math.sqrt(permittivity - 1 + cosine * cosine)
            power *= ((cosine - root) / (cosine + root)) ** 2
            if power < weakest:
                break
            x = min(max(x + dx * gone, c + 1e-6), c + 1 - 1e-6)
            y = min(max(y + dy * gone, r + 1e-6), r + 1 - 1e-6)
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
    for edge in range(len(edges)):
        edge_y, edge_x = edges[edge, 0] + 0.5, edges[edge, 1] + 0.5
        to_x, to_y = edge_x - col - 0.5, edge_y - row - 0.5
        before = max(math.sqrt(to_x * to_x + to_y * to_y), 1.0)
        ahead = math.atan2(to_y, to_x)
        known = 1
        for fan in range(fans):
            bend = ((fan + 0.5) / fans - 0.5) * math.pi
            dx, dy = math.cos(ahead + bend), math.sin(ahead + bend)
            after = 1
            while True:
                c, r = math.floor(edge_x + dx * after), math.floor(edge_y + dy * after)
                if not (0 <= c < cols and 0 <= r < rows) or buildings[r, c]:
                    break
                if not sight[r, c]:
                    while known <= after:
                        steep[known] = math.sqrt(2 * before * known / (wavelength * (before + known)))
                        known += 1
                    nu = abs(bend) * steep[after] - 0.1
                    amplitude = (math.sqrt(nu * nu + 1) - nu) / (before + after)
                    diffracted[r, c] = max(diffracted[r, c], amplitude * amplitude / knife)
                after += 1
