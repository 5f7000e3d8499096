"""Rendered blocks and aerial mosaics -> crops to train the segmenter on.

A rendered landscape is kept on disk, since drawing it takes as long as a training step. Augmentation: the 8 symmetries
(any angle for the few real mosaics), scale, colour, blur and noise.
"""

import hashlib
import os
import zlib
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from radiosem.errors import InputError
from radiosem_models.data import Dataset
from radiosem_models.rendering.aerial import WORKING_PIXEL_M, View
from radiosem_models.rendering.landscape import CELL_PIXELS, landscape_image
from radiosem_models.rendering.procedural import procedural_heights

Crop = tuple[NDArray[np.uint8], NDArray[np.bool_]]  # image [S, S, 3] RGB, buildings [S, S], at 0.5 m a pixel


class Landscapes:
    """Rendered landscapes of the blocks of a data set, by block and seed; two blocks never share their look.

    cache  folder for the images; what another version of the renderer drew, or from other heights, is not read
    """

    def __init__(self, data: Dataset, cache: Path) -> None:
        self.data = data
        probe = np.zeros((32, 32), np.uint8)
        probe[8:20, 6:26] = 9
        self._folder = cache / hashlib.sha256(landscape_image(probe, 0).tobytes()).hexdigest()[:12]

    def heights_m(self, block_id: str) -> NDArray[np.uint8]:
        """Building heights of a block. raises InputError when the data set has none."""
        heights = self.data.block(block_id).heights_m
        if heights is None:
            raise InputError(
                f"block {block_id} of {self.data.root} has no heights (png/heights); they are needed to draw it"
            )
        return heights

    def image(self, block_id: str, seed: int) -> NDArray[np.uint8]:
        """The landscape of a block, uint8 [2 H, 2 W, 3], drawn now or read from the cache."""
        return self._drawn(f"{block_id}-{seed}", self.heights_m(block_id), zlib.crc32(f"{block_id} {seed}".encode()))

    def _drawn(self, name: str, heights_m: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
        digest = hashlib.sha256(repr(heights_m.shape).encode() + heights_m.tobytes()).hexdigest()[:16]
        path = self._folder / f"{name}-{digest}.npy"
        if not path.is_file():
            self._folder.mkdir(parents=True, exist_ok=True)
            temporary = path.with_suffix(f".{os.getpid()}.npy")
            np.save(temporary, landscape_image(heights_m, seed))
            os.replace(temporary, path)
        return np.asarray(np.load(path, mmap_mode="r"))

    def imagined(self, kind: str, seed: int) -> View:
        """A procedural block, drawn in colours as strong as some cameras' are."""
        heights = procedural_heights(seed, kind)
        image = self._drawn(f"{kind}-{seed}", heights, zlib.crc32(f"{kind} {seed}".encode())).astype(np.float32)
        rng = np.random.default_rng(seed)
        grey = image.mean(2, keepdims=True)
        image = (grey + (image - grey) * np.float32(rng.uniform(1.1, 2.4))) * np.float32(rng.uniform(0.95, 1.35))
        return View(
            f"{kind}-{seed}", np.asarray(np.clip(image, 0, 255), np.uint8), _enlarged(heights > 0), WORKING_PIXEL_M
        )

    def buildings(self, block_id: str) -> NDArray[np.bool_]:
        """The mask of a block at the landscape's resolution, bool [2 H, 2 W]."""
        return _enlarged(self.heights_m(block_id) > 0)


def _enlarged(buildings: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.asarray(np.repeat(np.repeat(buildings, CELL_PIXELS, 0), CELL_PIXELS, 1))


def _warp(view: Crop, matrix: NDArray[np.float32], side: int) -> Crop:
    """Resample by an affine map from output to input pixels; what lies beyond the view is its mirror image."""
    how = {"borderMode": cv2.BORDER_REFLECT_101}
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    image = cv2.warpAffine(view[0], matrix, (side, side), flags=flags, **how)  # type: ignore[call-overload]
    share = cv2.warpAffine(view[1].astype(np.float32), matrix, (side, side), flags=flags, **how)  # type: ignore[call-overload]
    return np.asarray(image, np.uint8), np.asarray(share >= 0.5)


def _placement(
    rng: np.random.Generator, shape: tuple[int, ...], scale: float, angle: float, side: int
) -> NDArray[np.float32]:
    """Affine map of a crop of `side` pixels turned by `angle` about a random point, `scale` input pixels a pixel."""
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    if rng.random() < 0.5:
        turn[:, 1] *= -1
    reach = max(0.0, (min(shape[:2]) - side * scale) / 2)
    centre = np.array([shape[1], shape[0]]) / 2 + rng.uniform(-reach, reach, 2)
    return np.asarray(np.column_stack([turn, centre - turn @ np.array([side / 2, side / 2])]), np.float32)


def rendered_crop(rng: np.random.Generator, image: NDArray[np.uint8], buildings: NDArray[np.bool_], side: int) -> Crop:
    """A crop of a rendered landscape under a random symmetry, every other one a little out of scale."""
    scale = float(rng.uniform(0.8, 1.3)) if rng.random() < 0.5 else 1.0
    angle = float(rng.integers(4)) * np.pi / 2
    return _warp((image, buildings), _placement(rng, image.shape, scale, angle, side), side)


def aerial_tile(rng: np.random.Generator, views: Sequence[View], content: int, side: int) -> Crop:
    """A tile of `content` pixels, anywhere and at any angle in a real view, mirrored at its edges up to `side`."""
    view = views[int(rng.integers(len(views)))]
    seen = _turned(rng, (view.image, view.buildings), view.pixel_m, content)
    before = (side - content) // 2
    index = np.pad(np.arange(content), (before, side - content - before), mode="reflect")
    return seen[0][index[:, None], index], seen[1][index[:, None], index]


def _turned(rng: np.random.Generator, part: Crop, pixel_m: float, side: int) -> Crop:
    angle = float(rng.uniform(0, 2 * np.pi)) if rng.random() < 0.6 else float(rng.integers(4)) * np.pi / 2
    scale = WORKING_PIXEL_M / pixel_m * float(np.exp(rng.uniform(np.log(0.7), np.log(1.5))))
    return _warp(part, _placement(rng, part[0].shape, scale, angle, side), side)


def aerial_crop(rng: np.random.Generator, views: Sequence[View], imagined: Sequence[View], side: int) -> Crop:
    """A crop put together from one to four views, each turned, mirrored and out of scale by 0.7 to 1.5.

    views     real ones
    imagined  procedural blocks, a third of the parts where there are any
    """
    image, buildings = np.zeros((side, side, 3), np.uint8), np.zeros((side, side), np.bool_)
    single = rng.random() < 0.15
    cut = (side, side) if single else tuple(int(c) for c in rng.integers(side // 4, 3 * side // 4 + 1, 2))
    for rows in (slice(0, cut[0]), slice(cut[0], side)):
        for cols in (slice(0, cut[1]), slice(cut[1], side)):
            if rows.start == side or cols.start == side:
                continue
            among = imagined if imagined and rng.random() < 0.35 else views
            view = among[int(rng.integers(len(among)))]
            part: Crop = (view.image, view.buildings)
            if rng.random() < 0.3:  # as little context as a tile of the highest zoom has
                small = view.buildings.shape[0] // 4
                top, left = (int(k) for k in rng.integers(0, view.buildings.shape[0] - small + 1, 2))
                part = part[0][top : top + small, left : left + small], part[1][top : top + small, left : left + small]
            seen = _turned(rng, part, view.pixel_m, side)
            image[rows, cols], buildings[rows, cols] = seen[0][rows, cols], seen[1][rows, cols]
    return image, buildings


def disturb(rng: np.random.Generator, image: NDArray[np.uint8], strength: float) -> NDArray[np.float32]:
    """Another camera on another day: tint, saturation, contrast, gamma, blur, noise. uint8 -> float32 in [0, 1]."""
    x = image.astype(np.float32) / 255
    if rng.random() < 0.5 * strength:
        x = cv2.GaussianBlur(x, (0, 0), float(rng.uniform(0.3, 1.1)))  # type: ignore[assignment]
    grey = x.mean(2, keepdims=True)
    x = grey + (x - grey) * np.float32(np.exp(rng.normal(0, 0.35 * strength)))
    if rng.random() < 0.5 * strength:  # turn the hue: mix each channel with the next
        mix = rng.uniform(-0.25, 0.25) * strength
        x = (1 - abs(mix)) * x + abs(mix) * np.roll(x, 1 if mix > 0 else -1, axis=2)
    x = np.clip(x, 0, 1) ** np.float32(np.exp(rng.normal(0, 0.2 * strength)))
    gain = np.exp(rng.normal(0, 0.12 * strength) + rng.normal(0, 0.06 * strength, 3))
    x = (x - 0.4) * np.exp(rng.normal(0, 0.15 * strength)) + 0.4
    x = x * gain + rng.normal(0, 0.03 * strength) + rng.standard_normal(x.shape, np.float32) * rng.uniform(0, 0.02)
    return np.asarray(np.clip(x, 0, 1), np.float32)
