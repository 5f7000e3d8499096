"""A mask -> the same buildings, their walls drawn straight.

What frays an outline is the segmenter's doubt; walls are straight, rays mirror on them (`radiosem.physics.rays`), and a
straight wall takes fewer bits to send. Sides between the corners of Douglas and Peucker (Cartographica 10(2), 1973) are
drawn anew as the lines of least squares through their pixels, and corners where two of these meet.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

# Chosen on rendered blocks of the validation city by the error of the map: .0088 -> .0080, 4.3 -> 3.8 kbit a mask.
STRAYS_M = 2.0  # how far an outline may stray from a straight wall
ROUNDED_M = 1.5  # at either end of a side, what a segmenter rounds off and no line is fitted to
SMALLEST_M = 16.0  # around a building or a court: what is smaller is left out
BLUNTEST = np.sin(np.deg2rad(12))  # of the angle between two sides: blunter, where they meet is anyone's guess
_SUBPIXELS = 4  # bits of a corner's place


def straightened(buildings: NDArray[np.bool_], pixel_m: float) -> NDArray[np.bool_]:
    """Draw every wall straight.

    buildings  bool [H, W]
    pixel_m    side of a pixel in metres; three and more to the cell that is wanted in the end
    returns    bool [H, W]; what is too thin to have a corner stays as it is
    """
    padded = cv2.copyMakeBorder(buildings.view(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    found, tree = cv2.findContours(padded, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    outlines = [np.asarray(outline, np.int32) for outline in found]
    drawn = np.zeros_like(padded)
    for index in range(len(outlines)):
        court, around = tree[0, index, 2:]
        if around >= 0 or len(outlines[index]) * pixel_m < SMALLEST_M:
            continue
        rings = [_straight(outlines[index], pixel_m)]
        while court >= 0:
            if len(outlines[court]) * pixel_m >= SMALLEST_M:
                rings.append(_straight(outlines[court], pixel_m))
            court = tree[0, court, 0]
        cv2.fillPoly(drawn, rings, 1, shift=_SUBPIXELS)
    return drawn[1:-1, 1:-1].astype(np.bool_)


def _straight(outline: NDArray[np.int32], pixel_m: float) -> NDArray[np.int32]:
    """An outline, [N, 1, 2] column and row -> the corners of its straight sides, [M, 2] in 1 / 16 pixel."""
    pixels = outline[:, 0]
    first = _corners(outline, STRAYS_M / pixel_m)
    if len(first) < 3:
        return pixels << _SUBPIXELS
    last = np.append(first[1:], first[0] + len(pixels))
    middle, along = _lines(pixels, first, last, round(ROUNDED_M / pixel_m))
    corner, before, along_before = pixels[first], np.roll(middle, 1, 0), np.roll(along, 1, 0)
    # Where the side that ends at a corner meets the one that begins there; else where each comes closest to it.
    sine = _cross(along_before, along)
    sharp = np.abs(sine) > BLUNTEST
    reach = _cross(middle - before, along) / np.where(sharp, sine, 1)
    meeting = before + reach[:, None] * along_before
    sharp &= np.hypot(*(meeting - corner).T) < STRAYS_M / pixel_m
    ends, starts = (at + ((corner - at) * e).sum(1)[:, None] * e for at, e in ((before, along_before), (middle, along)))
    ring = np.where(sharp[:, None, None], meeting[:, None], np.stack([ends, starts], 1)).reshape(-1, 2)
    return np.round(ring * (1 << _SUBPIXELS)).astype(np.int32)


def _corners(outline: NDArray[np.int32], stray: float) -> NDArray[np.intp]:
    """Which pixels of an outline are corners, in its order. Through a neck one pixel wide it comes twice."""
    code = outline[:, 0] @ np.array([1 << 16, 1])
    corners = cv2.approxPolyDP(outline, stray, closed=True)[:, 0] @ np.array([1 << 16, 1])
    order = np.argsort(code, kind="stable")
    begin, end = (np.searchsorted(code[order], corners, side) for side in ("left", "right"))
    passes = [order[b:e] for b, e in zip(begin, end, strict=True)]
    walks = [_walk(passes, int(start), len(code)) for start in passes[0]]
    return np.sort(np.array(min(walks, key=lambda walk: walk[-1] - walk[0])) % len(code))


def _walk(passes: list[NDArray[np.intp]], start: int, around: int) -> list[int]:
    """From one pass of the first corner to the next pass of each that follows."""
    walk = [start]
    for places in passes[1:]:
        ahead = (places - walk[-1]) % around
        walk.append(walk[-1] + int(ahead[ahead > 0].min(initial=around)))
    return walk


def _lines(
    pixels: NDArray[np.int32], first: NDArray[np.intp], last: NDArray[np.intp], rounded: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Total least squares through each side, its ends left out where it is long: the middles and directions, [S, 2]."""
    x, y = np.concatenate([pixels, pixels]).astype(np.float64).T
    sums = np.cumsum(np.stack([x, y, x * x, y * y, x * y], 1), 0)
    sums = np.concatenate([np.zeros((1, 5)), sums])
    less = np.where(last - first < 4 * rounded, 0, rounded)
    begin, end = first + less, last - less + 1
    mean = (sums[end] - sums[begin]) / (end - begin)[:, None]
    middle = mean[:, :2]
    xx, yy, xy = (mean[:, 2:] - np.stack([middle[:, 0] ** 2, middle[:, 1] ** 2, middle.prod(1)], 1)).T
    angle = 0.5 * np.arctan2(2 * xy, xx - yy)
    return middle, np.stack([np.cos(angle), np.sin(angle)], 1)


def _cross(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
