"""A folder of labelled aerial tiles -> images and building masks at 0.5 m a pixel, told apart by their ground.

    ZOOM-X-Y_img.jpg    256 x 256 pixels        ZOOM-X-Y_mask.png    255 inside buildings

Tiles are named as in slippy maps. The zoom-19 tile that a tile lies in is its *ground*: the same roofs are seen again
at zoom 20 and 21, so that a split is a split of grounds.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from radiosem.errors import InputError

TILE_PIXELS = 256
GROUND_ZOOM = 19
GROUND_PIXEL_M = 0.2986  # at zoom 19 on the equator: 40 075 017 m / 256 / 2^19
WORKING_PIXEL_M = 0.5


@dataclass(frozen=True)
class View:
    """A stretch of ground seen at `pixel_m` metres a pixel: image uint8 [H, W, 3] RGB, buildings bool [H, W]."""

    name: str
    image: NDArray[np.uint8]
    buildings: NDArray[np.bool_]
    pixel_m: float

    def at(self, pixel_m: float) -> "View":
        """The same ground at another resolution, by area means."""
        side = [max(1, round(n * self.pixel_m / pixel_m)) for n in self.buildings.shape]
        image = cv2.resize(self.image, (side[1], side[0]), interpolation=cv2.INTER_AREA)
        share = cv2.resize(self.buildings.astype(np.float32), (side[1], side[0]), interpolation=cv2.INTER_AREA)
        return View(self.name, np.asarray(image, np.uint8), np.asarray(share >= 0.5), pixel_m)


def ground_of(name: str) -> str:
    """'21-1238448-1046529' -> '19-309612-261632', the zoom-19 tile that it lies in."""
    zoom, x, y = (int(part) for part in name.split("-"))
    if zoom < GROUND_ZOOM:
        raise InputError(f"tile {name!r} is of zoom {zoom}; it must be at least {GROUND_ZOOM}")
    shift = zoom - GROUND_ZOOM
    return f"{GROUND_ZOOM}-{x >> shift}-{y >> shift}"


def by_hash(grounds: list[str]) -> list[str]:
    """Grounds in the order of the SHA-256 of their names: a draw that nobody can steer."""
    return sorted(grounds, key=lambda ground: hashlib.sha256(ground.encode()).hexdigest())


class AerialTiles:
    """A folder of labelled tiles.

    root    the folder
    raises  InputError when it holds no tile, or a tile cannot be read
    """

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)
        self.names = sorted(path.name.removesuffix("_mask.png") for path in self.root.glob("*_mask.png"))
        if not self.names:
            raise InputError(
                f"aerial folder {self.root} has no *_mask.png; expected ZOOM-X-Y_img.jpg and ZOOM-X-Y_mask.png"
            )
        self.grounds = by_hash(sorted({ground_of(name) for name in self.names}))

    def tile(self, name: str) -> View:
        """One tile as it was published."""
        image = cv2.imread(str(self.root / f"{name}_img.jpg"), cv2.IMREAD_COLOR)
        mask = cv2.imread(str(self.root / f"{name}_mask.png"), cv2.IMREAD_GRAYSCALE)
        if (
            image is None
            or mask is None
            or image.shape != (TILE_PIXELS, TILE_PIXELS, 3)
            or mask.shape != image.shape[:2]
        ):
            raise InputError(f"tile {name!r} in {self.root} cannot be read; expected two images of 256 x 256 pixels")
        pixel_m = GROUND_PIXEL_M / 2 ** (int(name.split("-")[0]) - GROUND_ZOOM)
        return View(name, np.ascontiguousarray(image[..., ::-1], np.uint8), np.asarray(mask > 127), pixel_m)

    def tiles_on(self, ground: str) -> list[View]:
        """Every tile of one ground, all zooms."""
        return [self.tile(name) for name in self.names if ground_of(name) == ground]

    def mosaic(self, ground: str, zoom: int = 21) -> View:
        """A whole ground, put together from its tiles of one zoom. raises InputError when some are missing."""
        count = 1 << (zoom - GROUND_ZOOM)
        _, x, y = (int(part) for part in ground.split("-"))
        wanted = [[f"{zoom}-{x * count + c}-{y * count + r}" for c in range(count)] for r in range(count)]
        missing = [name for row in wanted for name in row if name not in self.names]
        if missing:
            raise InputError(f"ground {ground!r} lacks {', '.join(missing)} in {self.root}")
        views = [[self.tile(name) for name in row] for row in wanted]
        image = np.concatenate([np.concatenate([v.image for v in row], 1) for row in views], 0)
        mask = np.concatenate([np.concatenate([v.buildings for v in row], 1) for row in views], 0)
        return View(ground, image, mask, views[0][0].pixel_m)
