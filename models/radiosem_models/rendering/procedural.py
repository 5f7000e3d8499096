"""A random generator -> the houses of a block that nobody built, for ground that no map of ours covers.

    square -> streets split it, again and again -> islands -> plots -> houses (turned boxes, some with a wing)

Four kinds: `settlement` (small roofs wall to wall, footpaths), `suburb` (a house a plot), `perimeter` (houses in a ring
about a courtyard) and `estate` (slabs and towers on open ground).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from radiosem.errors import InputError

Rect = tuple[float, float, float, float]  # left, top, width, height in metres


@dataclass(frozen=True)
class Kind:
    """Sizes in metres, drawn between the two figures: islands between streets, plots in an island, gaps about a house.

    empty  share of the plots left free             tilt  standard deviation of a house's turn against its plot, rad
    ring   True when houses stand only along the street, about a courtyard
    """

    island_m: tuple[float, float]
    street_m: tuple[float, float]
    plot_m: tuple[float, float]
    gap_m: tuple[float, float]
    height_m: tuple[float, float]
    empty: float
    tilt: float
    ring: bool = False


KINDS = {
    "settlement": Kind((25, 70), (1.5, 6), (6, 15), (0.3, 1.8), (2.5, 5), 0.15, 0.10),
    "suburb": Kind((50, 110), (6, 12), (14, 32), (2, 7), (3, 9), 0.18, 0.05),
    "perimeter": Kind((45, 110), (8, 18), (10, 22), (0, 0.2), (8, 25), 0.04, 0.0, ring=True),
    "estate": Kind((80, 160), (10, 20), (35, 75), (6, 20), (9, 45), 0.25, 0.0),
}


@dataclass(frozen=True)
class House:
    """A part of a house.

    corners   float64 [4, 2], column and row; whole numbers are the centres of cells
    height_m  2..255
    """

    corners: NDArray[np.float64]
    height_m: int


def procedural_heights(seed: int, kind: str, side: int = 256) -> NDArray[np.uint8]:
    """Heights of a block that never was, on cells of 1 m: uint8 [side, side], 0 outside.

    raises  InputError when the kind is unknown or the side is under 16
    """
    houses = procedural_houses(seed, kind, side)
    heights = np.zeros((side, side), np.uint8)
    for house in houses:
        cv2.fillPoly(heights, [np.round(house.corners * 16).astype(np.int32)], house.height_m, cv2.LINE_8, 4)
    return heights


def procedural_houses(seed: int, kind: str, side: int = 256) -> list[House]:
    """The houses of a block that never was, on cells of 1 m; some lie beyond the block, where its streets go on.

    raises  InputError when the kind is unknown or the side is under 16
    """
    if kind not in KINDS:
        raise InputError(f"kind is {kind!r}; known are {', '.join(KINDS)}")
    if side < 16:
        raise InputError(f"side is {side}; a block has at least 16 cells a side")
    rng = np.random.default_rng(seed)
    style = KINDS[kind]
    reach = 1.5 * side  # a turned square that covers the block
    angle, bend = rng.uniform(0, np.pi / 2), rng.uniform(0, 0.06)
    houses: list[House] = []
    island, street = rng.uniform(*style.island_m), rng.uniform(*style.street_m)
    for part in _split(rng, (-reach / 2, -reach / 2, reach, reach), island, street):
        for plot in _plots(rng, part, style):
            if rng.random() >= style.empty:
                houses += _houses(rng, plot, style, angle, bend, side)
    return houses


def _split(rng: np.random.Generator, rect: Rect, size: float, gap: float) -> Iterator[Rect]:
    """Cut a rectangle across its longer side until no part is longer than about 1.5 `size`; cuts are `gap` wide."""
    left, top, width, height = rect
    if max(width, height) < 1.5 * size or max(width, height) < 2 * gap + 4:
        yield rect
        return
    at = rng.uniform(0.35, 0.65)
    if width >= height:
        cut = at * (width - gap)
        halves = [(left, top, cut, height), (left + cut + gap, top, width - gap - cut, height)]
    else:
        cut = at * (height - gap)
        halves = [(left, top, width, cut), (left, top + cut + gap, width, height - gap - cut)]
    for half in halves:
        yield from _split(rng, half, size, gap)


def _plots(rng: np.random.Generator, island: Rect, style: Kind) -> Iterator[Rect]:
    plot = rng.uniform(*style.plot_m)
    left, top, width, height = island
    depth = rng.uniform(9, 15)
    if not style.ring or min(width, height) < 2.6 * depth:
        yield from _split(rng, island, plot, 0.0)
        return
    inner = height - 2 * depth
    for side in (
        (left, top, width, depth),
        (left, top + height - depth, width, depth),
        (left, top + depth, depth, inner),
        (left + width - depth, top + depth, depth, inner),
    ):
        yield from _split(rng, side, plot, 0.0)
    if rng.random() < 0.5:  # something in the yard
        yield left + width * 0.35, top + height * 0.35, width * rng.uniform(0.1, 0.3), height * rng.uniform(0.1, 0.3)


def _houses(rng: np.random.Generator, plot: Rect, style: Kind, angle: float, bend: float, side: int) -> Iterator[House]:
    """The house of a plot; now and then it has a wing, which makes it an L or a T."""
    left, top, width, height = plot
    across, along = (max(3.0, n - 2 * rng.uniform(*style.gap_m)) for n in (width, height))
    tall = int(np.clip(np.rint(rng.uniform(*style.height_m) ** rng.uniform(0.9, 1.05)), 2, 255))
    middle = np.array([left + width / 2, top + height / 2])
    turn = rng.normal(0, style.tilt) if style.tilt else 0.0
    parts = [(middle, across, along)]
    if not style.ring and min(across, along) > 7 and rng.random() < 0.4:
        narrow = rng.uniform(0.4, 0.65)
        wing = middle + np.array([rng.uniform(-0.3, 0.3) * across, 0])
        parts = [(middle, across, along * narrow), (wing, across * 0.4, along)]
    for centre, w, h in parts:
        corners = np.array([[-w, -h], [w, -h], [w, h], [-w, h]]) / 2
        corners = middle + _turned(corners + (centre - middle), turn)
        corners = corners + bend * 20 * np.sin(corners[:, ::-1] / 60)  # streets are seldom quite straight
        yield House(_turned(corners, angle) + np.array([side, side]) / 2, tall)


def _turned(points: NDArray[np.float64], angle: float) -> NDArray[np.float64]:
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return np.asarray(points @ turn, np.float64)
