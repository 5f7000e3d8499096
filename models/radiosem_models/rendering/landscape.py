"""The buildings of a block, with heights -> a landscape: the picture an aerial camera straight above would take.

    heights -> ground, streets -> cars -> roofs -> trees     (albedo and height of what is on top)
            -> sun, sky, cast shadows                        (linear light)
            -> haze, colour cast, lens, sensor, JPEG         (uint8 RGB)

Everything but the buildings is drawn at random from the seed, so one block has as many landscapes as there are seeds.
It is a drawing, not a photograph: no façades (the camera is exactly above), no real place.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from radiosem.errors import InputError
from radiosem_models.rendering.parts import (
    PIXEL_M,
    Floats,
    Rng,
    Scene,
    draw_cars,
    floats,
    noise,
    park_cars,
    plant_trees,
)
from radiosem_models.rendering.surfaces import ground, layout, roofs

CELL_PIXELS = 2  # landscape pixels a cell of the block: 1 m cells, 0.5 m pixels


def landscape_image(
    heights_m: NDArray[np.uint8], seed: int, cars: NDArray[np.bool_] | None = None
) -> NDArray[np.uint8]:
    """Draw a block as seen from straight above at 0.5 m a pixel.

    heights_m  uint8 [H, W], building heights on cells of 1 m, 0 outside
    seed       of everything that the heights do not say; the same seed gives the same image
    cars       bool [H, W], exactly these cars; None parks a few at random
    returns    uint8 [2 H, 2 W, 3], RGB
    raises     InputError when the heights are not a uint8 image of at least 16 x 16, or the cars differ in shape
    """
    if heights_m.dtype != np.uint8 or heights_m.ndim != 2 or min(heights_m.shape) < 16:
        raise InputError(
            f"heights_m is {heights_m.dtype} {heights_m.shape}; it must be uint8 [H, W] of at least 16 x 16 cells"
        )
    if cars is not None and cars.shape != heights_m.shape:
        raise InputError(f"cars has shape {cars.shape}; it must be that of heights_m, {heights_m.shape}")
    # A stream a stage, so that a scene stays the same whatever its cars.
    for_ground, for_cars, for_roofs, for_trees, for_light, for_camera = np.random.default_rng(seed).spawn(6)
    plan = layout(_enlarge(heights_m))
    scene = Scene(np.zeros((*plan.inside.shape, 3), np.float32), np.zeros(plan.inside.shape, np.float32))

    tree_density = ground(for_ground, plan, scene)
    if cars is None:
        park_cars(for_cars, plan.outside_m, scene, int(for_cars.integers(0, 500)))
    else:
        draw_cars(
            for_cars, cv2.resize(cars.astype(np.uint8), None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST) > 0, scene
        )
    rise_m = roofs(for_roofs, plan, scene)
    plant_trees(for_trees, tree_density, scene)
    return _photograph(for_camera, _light(for_light, scene, rise_m))


def _enlarge(heights_m: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Heights at the landscape's resolution, the stairs of slanting walls smoothed away."""
    large = cv2.resize(heights_m, None, fx=CELL_PIXELS, fy=CELL_PIXELS, interpolation=cv2.INTER_NEAREST)
    return np.asarray(cv2.medianBlur(cv2.medianBlur(large, 3), 3), np.uint8)


def _cast_shadow(height_m: Floats, azimuth: float, elevation: float) -> Floats:
    """Share of each pixel in the cast shadow of what stands towards the sun: float32 [H, W] in [0, 1].

    The horizon is a running maximum over 2^k steps towards the sun, doubled k times.
    """
    step = np.array([np.cos(azimuth), np.sin(azimuth)])
    drop_m = np.tan(elevation) * PIXEL_M
    horizon = height_m
    size = height_m.shape[::-1]
    for k in range(int(np.ceil(np.log2(max(height_m.max() / drop_m, 2))))):
        move = floats([[1, 0, step[0] * 2**k], [0, 1, step[1] * 2**k]])
        ahead = cv2.warpAffine(
            horizon, move, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
        )
        horizon = np.maximum(horizon, ahead - drop_m * 2**k)
    return floats(np.clip((horizon - height_m - 0.25) * 1.5, 0, 1))


def _light(rng: Rng, scene: Scene, rise_m: Floats) -> Floats:
    """Sun and sky on the scene: linear light, float32 [H, W, 3]."""
    azimuth, elevation = rng.uniform(0, 2 * np.pi), np.deg2rad(rng.uniform(27, 54))
    shadow = cv2.GaussianBlur(_cast_shadow(scene.height_m, azimuth, elevation), (0, 0), 0.6)
    # Roofs are shaded by their own slopes, everything else by the small relief of its height.
    relief = np.clip(scene.height_m - cv2.blur(scene.height_m, (7, 7)), -1.2, 1.2)
    gx, gy = (cv2.Sobel(0.35 * relief, cv2.CV_32F, *d, ksize=3) / (8 * PIXEL_M) for d in ((1, 0), (0, 1)))
    rx, ry = (cv2.Sobel(rise_m, cv2.CV_32F, *d, ksize=3) / (8 * PIXEL_M) for d in ((1, 0), (0, 1)))
    gx, gy = np.clip(gx + rx, -1.2, 1.2), np.clip(gy + ry, -1.2, 1.2)
    towards = np.cos(elevation) * np.array([np.cos(azimuth), np.sin(azimuth)])
    facing = (np.sin(elevation) - gx * towards[0] - gy * towards[1]) / np.sqrt(1 + gx**2 + gy**2)
    sky = 1 / (1 + np.clip(cv2.GaussianBlur(scene.height_m, (0, 0), 7) - scene.height_m, 0, 30) * 0.06)
    ambient = rng.uniform(0.1, 0.28)
    sun = np.clip(facing, 0, None) * (1 - shadow * rng.uniform(0.85, 1.0)) * (1 - ambient)
    blue = floats([0.92, 1.0, 1.14]) ** rng.uniform(0.3, 1.6)
    warm = floats([1.05, 1.0, 0.93]) ** rng.uniform(0.0, 1.5)
    linear = (scene.albedo / 255) ** 2.2
    return np.asarray(
        linear * (sun[..., None] * warm + (ambient * sky)[..., None] * blue) / np.sin(elevation), np.float32
    )


def _photograph(rng: Rng, linear: Floats) -> NDArray[np.uint8]:
    """Exposure, haze, colour cast, lens, sensor and JPEG: uint8 [H, W, 3]."""
    shape = linear.shape[:2]
    linear = linear * (rng.uniform(0.75, 1.25) * (1 + 0.05 * noise(rng, shape, 80))[..., None])
    linear = linear / (1 + rng.uniform(0, 0.35) * linear)
    image = 255 * np.clip(linear, 0, None) ** (1 / 2.2)
    grey = image.mean(2, keepdims=True)
    image = grey + (image - grey) * rng.uniform(0.5, 1.05)
    haze = rng.uniform(0, 0.14)
    image = image * (1 - haze) + haze * floats([196, 202, 212])
    image = (image - 110) * rng.uniform(0.85, 1.15) + 110
    image *= np.exp(rng.normal(0, 0.03, 3)).astype(np.float32)
    image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.55, 1.1))
    image += rng.uniform(0, 0.9) * (image - cv2.GaussianBlur(image, (0, 0), 1.2))
    image += rng.standard_normal((*shape, 3), np.float32) * rng.uniform(0.5, 4.0)
    done = np.clip(np.round(image), 0, 255).astype(np.uint8)
    quality = int(rng.integers(60, 97))
    packed: Any = cv2.imencode(".jpg", done[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    developed: Any = cv2.imdecode(packed, cv2.IMREAD_COLOR)
    return np.ascontiguousarray(developed[..., ::-1], np.uint8)
