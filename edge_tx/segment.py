"""Image of the block at 0.5 m a pixel -> building mask on the grid, by a U-Net in an ONNX file."""

import itertools
import math
from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from radiosem.errors import InputError
from radiosem.inference import Network, load_network
from radiosem.masks.on_grid import free_transmitters, mask_on_grid
from radiosem.types import BuildingMap, Grid, Samples, Transmitter

TILE = 512  # pixels: what a 256 m block needs; more ground is worked off tile by tile, so memory does not grow with it
MARGIN = 64  # pixels two tiles share; half of them are the context that a tile's edge lacks
MULTIPLE = 32  # what the network's own halvings ask of a side
MOST_INDOORS = 0.3  # share of the samples that a wrong wall here and there puts indoors, and more
FORGIVEN_M = 3.0  # how far inside a segmented building a transmitter may stand before its place is doubted


class Segmenter:
    """The segmentation network with all that surrounds it.

    network  input [1, 3, H, W] float32 RGB in [0, 1], H and W multiples of 32 up to 512 -> logits [1, 1, H, W]
    """

    def __init__(self, network: Network) -> None:
        if len(network.input_shapes) != 1:
            raise InputError(f"segmenter network takes {sorted(network.input_shapes)}; it must take one image")
        self._network = network
        ((self._input, shape),) = network.input_shapes.items()
        self._fixed = shape[2:]

    @classmethod
    def load(cls, threads: int = 1) -> "Segmenter":
        """The segmenter of the manifest. Raises WeightsError when it is missing or altered."""
        return cls(load_network("segmenter", threads))

    def __call__(self, image: NDArray[np.uint8], grid: Grid, against: NDArray[np.float32] | None = None) -> BuildingMap:
        """Segment an image, and bring it down to the grid.

        image    uint8 [h, w, 3], RGB at 0.5 m a pixel, the block fills it
        against  float32 [H, W], see `mask_on_grid`
        returns  bool [H, W]
        """
        return mask_on_grid(self.probability(image), grid, against)

    def probability(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probability of building for every pixel of the image: uint8 [h, w, 3] -> float32 [h, w] in [0, 1]."""
        height, width = image.shape[:2]
        out = np.empty((height, width), np.float32)
        for top, first_row, last_row in tiles(height):
            for left, first_col, last_col in tiles(width):
                tile = self._tile(image[top : top + TILE, left : left + TILE])
                out[first_row:last_row, first_col:last_col] = tile[
                    first_row - top : last_row - top, first_col - left : last_col - left
                ]
        return out

    def _tile(self, tile: NDArray[np.uint8]) -> NDArray[np.float32]:
        height, width = tile.shape[:2]
        rows, cols = (
            fixed or -(-side // MULTIPLE) * MULTIPLE for fixed, side in zip(self._fixed, (height, width), strict=True)
        )
        padded = np.pad(tile, ((0, rows - height), (0, cols - width), (0, 0)), mode="edge")
        planes = np.ascontiguousarray(padded.transpose(2, 0, 1)[None], np.float32) / np.float32(255)
        (logits,) = self._network(**{self._input: planes})
        return np.asarray(1 / (1 + cv2.exp(-np.clip(logits[0, 0, :height, :width], -30, 30))), np.float32)


def tiles(side: int) -> Iterator[tuple[int, int, int]]:
    """Tiles along an axis: where each starts, and the first pixel and the last (excluded) it answers for."""
    count = max(1, math.ceil((side - MARGIN) / (TILE - MARGIN)))
    starts = [round(i * (side - TILE) / (count - 1)) for i in range(count)] if count > 1 else [0]
    seams = [0, *((a + TILE + b) // 2 for a, b in itertools.pairwise(starts)), side]
    for start, (first, last) in zip(starts, itertools.pairwise(seams), strict=True):
        yield start, first, last


def mask_warnings(buildings: BuildingMap, samples: Samples) -> Iterator[str]:
    """What of a mask and the samples taken about it cannot be as it should."""
    if not buildings.any():
        yield "there is no building in the block; is the image of it, in daylight and from above, or the mask of it?"
    indoors = float(buildings[samples.row, samples.col].mean())
    if indoors > MOST_INDOORS:
        yield (
            f"{indoors:.0%} of the samples lie in buildings; check that col and row are not exchanged, "
            "and that image or mask is north up and fills the block"
        )


def open_to_transmitters(
    buildings: BuildingMap, transmitters: tuple[Transmitter, ...], grid: Grid
) -> tuple[BuildingMap, tuple[str, ...]]:
    """Let every transmitter stand outdoors, where the segmentation is off by a little.

    A transmitter on a building cell with an outdoor cell beside it or within 3 m is taken as proof that the mask is
    wrong there, and the mask is cleared from it to the outdoors. One deeper inside makes the observation unusable.

    buildings  bool [H, W], left as it is
    returns    the mask, and a warning for each transmitter that was freed
    raises     InputError naming the transmitter that stands inside a building
    """
    freed, depths = free_transmitters(buildings, transmitters)
    warnings = []
    for index, (transmitter, depth) in enumerate(zip(transmitters, depths, strict=True)):
        if not depth:
            continue
        where = f"transmitter {index} at col {transmitter.col}, row {transmitter.row}"
        if depth * grid.cell_size_m > max(FORGIVEN_M, grid.cell_size_m):
            raise InputError(
                f"{where} is inside a building, more than {FORGIVEN_M:g} m from its edge; check its place, and that "
                "image or mask is north up and fills the block; transmitters on roofs are not supported"
            )
        warnings.append(
            f"{where} was {depth * grid.cell_size_m:.1f} m inside a building; "
            "the mask was cleared from it to the outdoors"
        )
    return freed, tuple(warnings)
