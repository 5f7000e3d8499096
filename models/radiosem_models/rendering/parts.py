"""A random generator -> the small parts of a landscape: noise, colours, oriented boxes, trees, cars.

Everything is drawn at `PIXEL_M` metres a pixel. Colours are sRGB 0..255, heights metres above ground.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

PIXEL_M = 0.5  # metres a pixel of every landscape

Floats = NDArray[np.float32]
Rng = np.random.Generator


def floats(values: Any) -> Floats:
    """Any numbers as a float32 array."""
    return np.asarray(values, np.float32)


CAR_COLOURS = floats(
    [[235, 235, 235], [190, 192, 195], [40, 42, 45], [95, 98, 102], [130, 30, 30], [35, 55, 105], [210, 205, 190]]
)
FOLIAGE = floats([[62, 84, 42], [78, 98, 50], [50, 72, 44], [92, 104, 56], [70, 80, 52], [104, 98, 60]])


@dataclass(frozen=True)
class Scene:
    """What light meets: albedo float32 [H, W, 3] (sRGB 0..255) and height float32 [H, W] (m). Parts draw into both."""

    albedo: Floats
    height_m: Floats


def noise(rng: Rng, shape: tuple[int, int], period_m: float) -> Floats:
    """Smooth noise of about unit variance whose bumps are `period_m` metres apart."""
    step = max(period_m / PIXEL_M, 1.0)
    rows, cols = (int(n / step) + 4 for n in shape)
    coarse = rng.standard_normal((rows, cols), np.float32)
    if step == 1.0:
        return coarse[: shape[0], : shape[1]]
    fine = cv2.resize(coarse, (int(cols * step) + 1, int(rows * step) + 1), interpolation=cv2.INTER_CUBIC)
    top, left = rng.integers(0, int(step) + 1, 2)
    return np.asarray(1.3 * fine[top : top + shape[0], left : left + shape[1]], np.float32)


def pick(rng: Rng, palette: Floats, spread: float = 8.0) -> Floats:
    """One colour of a palette, a little off in brightness and tint."""
    colour = palette[rng.integers(len(palette))] + rng.normal(0, spread) + rng.normal(0, spread / 3, 3)
    return np.asarray(np.clip(colour, 12, 250), np.float32)


def blend(image: Floats, weight: Floats, colour: NDArray[Any]) -> None:
    """Lay a colour (or an image) over `image` in place, as far as weight [H, W] in [0, 1] says."""
    image += weight[..., None] * (colour - image)


def box(centre: tuple[float, float], size: tuple[float, float], angle: float) -> NDArray[np.int32]:
    """Corners of a turned rectangle: centre (col, row), size (along, across), in pixels x 16, for `fill`."""
    along = np.array([np.cos(angle), np.sin(angle)]) * size[0] / 2
    across = np.array([-np.sin(angle), np.cos(angle)]) * size[1] / 2
    corners = np.array([along + across, along - across, -along - across, -along + across]) + centre
    return np.asarray(np.round(corners * 16), np.int32)


def fill(image: NDArray[Any], corners: NDArray[np.int32], value: Any) -> None:
    """Fill the polygon of `box` with a value, in place."""
    cv2.fillConvexPoly(image, corners, value, cv2.LINE_8, 4)


def _crown(rng: Rng, side: int = 33) -> Floats:
    """The dome of one tree seen from above: float32 [side, side], 1 at the top, negative outside."""
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    angle = np.arctan2(y, x)
    reach = 0.84 + sum(rng.normal(0, 0.14 / k) * np.cos(k * angle + rng.uniform(0, 6.3)) for k in (2, 3, 5, 7))
    lumps = cv2.GaussianBlur(rng.standard_normal((side, side)), (0, 0), side / 14)
    dome = 1 - (np.hypot(x, y) / np.clip(reach, 0.5, 1.0)) ** 2 + 1.1 * lumps
    return np.asarray(np.where(np.hypot(x, y) < 1, dome, -1), np.float32)


def plant_trees(rng: Rng, density: Floats, scene: Scene) -> None:
    """Plant trees where `density` (trees a square metre) says; a crown hides whatever is lower than it.

    A tree stands on the ground, but its crown may hang over a roof or a street.
    """
    rows, cols = density.shape
    tries = int(rng.poisson(density.max() * density.size * PIXEL_M**2)) if density.max() > 0 else 0
    tries = min(tries, 6000)
    place = np.stack([rng.integers(0, rows, tries), rng.integers(0, cols, tries)], 1)
    place = place[rng.random(tries) * density.max() < density[place[:, 0], place[:, 1]]][:450]
    crowns = [_crown(rng) for _ in range(10)]
    species = [pick(rng, FOLIAGE, 10) for _ in range(4)]
    typical_m, pad = rng.uniform(1.8, 3.6), 20
    top = np.zeros((rows + 2 * pad, cols + 2 * pad), np.float32)
    colour = np.zeros((*top.shape, 3), np.float32)
    for row, col in place:
        radius_m = float(np.clip(typical_m * rng.lognormal(0, 0.35), 0.8, 7.5))
        side = 2 * int(radius_m / PIXEL_M) + 1
        dome = cv2.resize(crowns[rng.integers(len(crowns))], (side, side), interpolation=cv2.INTER_LINEAR)
        tall_m = min(radius_m * rng.uniform(1.6, 3.0) + 1, 18.0)
        crown = np.where(dome > 0, tall_m * (0.55 + 0.45 * dome), 0)
        rows_in = slice(row + pad - side // 2, row + pad - side // 2 + side)
        cols_in = slice(col + pad - side // 2, col + pad - side // 2 + side)
        higher = crown > top[rows_in, cols_in]
        top[rows_in, cols_in][higher] = crown[higher]
        colour[rows_in, cols_in][higher] = species[rng.integers(len(species))] + rng.normal(0, 7)
    top, colour = top[pad:-pad, pad:-pad], colour[pad:-pad, pad:-pad]
    seen = top > scene.height_m + 0.3
    leaves = noise(rng, density.shape, 0.5) * 9 + noise(rng, density.shape, 1.5) * 9
    scene.albedo[seen] = np.clip(colour[seen] + leaves[seen, None], 10, 200)
    scene.height_m[seen] = top[seen] + 0.02 * leaves[seen]


def _draw_car(rng: Rng, scene: Scene, centre: tuple[float, float], size: tuple[float, float], angle: float) -> None:
    paint = pick(rng, CAR_COLOURS, 6)
    fill(scene.albedo, box(centre, size, angle), paint.tolist())
    fill(scene.height_m, box(centre, size, angle), 1.4)
    glass = (0.55 * floats([45, 50, 56]) + 0.45 * paint).tolist()
    ahead = np.array([np.cos(angle), np.sin(angle)])
    for offset in (0.2, -0.32):
        window = (float(centre[0] + ahead[0] * offset * size[0]), float(centre[1] + ahead[1] * offset * size[0]))
        fill(scene.albedo, box(window, (0.3, size[1] * 0.6), angle), glass)


def park_cars(rng: Rng, outside_m: Floats, scene: Scene, count: int) -> None:
    """Park up to `count` cars along the buildings' fronts: `outside_m` is the distance to the nearest building."""
    rows, cols = outside_m.shape
    smooth = cv2.GaussianBlur(outside_m, (0, 0), 5)
    kerb_m = rng.uniform(2.5, 5.0)
    for _ in range(count):
        row, col = int(rng.integers(4, rows - 4)), int(rng.integers(4, cols - 4))
        if abs(outside_m[row, col] - kerb_m) > 1.2 and not (outside_m[row, col] > kerb_m and rng.random() < 0.1):
            continue
        slope = (smooth[row, col + 3] - smooth[row, col - 3], smooth[row + 3, col] - smooth[row - 3, col])
        angle = float(np.arctan2(slope[0], -slope[1]) + rng.normal(0, 0.05))
        here = scene.height_m[row - 4 : row + 5, col - 4 : col + 5]
        if here.max() < 1.0 and here.min() >= 0:  # neither on another car nor on water
            size = (float(rng.uniform(3.8, 5.2)) / PIXEL_M, float(rng.uniform(1.7, 2.1)) / PIXEL_M)
            _draw_car(rng, scene, (col, row), size, angle)


def draw_cars(rng: Rng, cars: NDArray[np.bool_], scene: Scene) -> None:
    """Draw one car over each blob of the mask `cars` [H, W] (already at the landscape's resolution)."""
    blobs, _ = cv2.findContours(cars.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    for blob in blobs:
        (col, row), (width, height), degrees = cv2.minAreaRect(blob)
        along, across, angle = (width, height, degrees) if width >= height else (height, width, degrees + 90)
        _draw_car(rng, scene, (col, row), (along + 0.6, across + 0.4), float(np.deg2rad(angle)))
