"""Images and their true building masks -> how well the edge's segmenter draws them."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_tx.images import decode_image
from edge_tx.segment import Segmenter
from edge_tx.sense import image_shape
from radiosem.errors import InputError
from radiosem.images import read_grey
from radiosem.masks.fingerprints import at_a_metre
from radiosem.masks.on_grid import resize
from radiosem.types import BuildingMap, Grid
from testbed.pack import open_pack
from testbed.scores.leaks import seen_or_refused, training_fingerprints

IMAGES = (".jpg", ".jpeg", ".png")
NETWORK = "segmenter"


@dataclass(frozen=True)
class Labelled:
    """An image file, the true mask of the same ground, and the mask's grid."""

    name: str
    image: Path
    buildings: BuildingMap
    grid: Grid


@dataclass(frozen=True)
class SegmenterScores:
    """Over the cells of all images together, not means over images.

    iou           intersection over union of drawn and true buildings; 1 where there are none of either
    precision     share of the cells drawn as building that are; None where none is drawn
    recall        share of the building cells that are drawn; None where there are none
    ms_per_image  of the network and the way to the grid, decoding left out
    seen_images   how many show ground that the network was trained on; None where that is not known
    """

    images: int
    iou: float
    precision: float | None
    recall: float | None
    wrong_pixel_share: float
    ms_per_image: float
    seen_images: int | None


def from_pack(folder: Path) -> list[Labelled]:
    """The observations of a pack. Raises InputError when it is none, or holds none."""
    return [Labelled(e.id, e.image, read_grey(e.folder / "buildings.png") > 127, e.grid) for e in open_pack(folder)]


def from_folders(images: Path, masks: Path, cell_size_m: float) -> list[Labelled]:
    """Images and masks of the same name: NAME.jpg, .jpeg or .png, and NAME.png, over 127 = building.

    cell_size_m  ground that a pixel of a mask covers; an image shows the same ground at whatever resolution it has
    raises       InputError when there is no mask, or one has no image or cannot be read
    """
    found = []
    for path in sorted(masks.glob("*.png")):
        beside = [images / f"{path.stem}{suffix}" for suffix in IMAGES if (images / f"{path.stem}{suffix}").is_file()]
        if len(beside) != 1:
            names = " and ".join(file.name for file in beside) or "no image"
            raise InputError(f"images has {names} for mask {path.name}; give one of {', '.join(IMAGES)} of that name")
        if beside[0].samefile(path):
            raise InputError(f"images and masks both give {path}; give the images a folder of their own")
        grey = read_grey(path)
        if 0 < grey.max() <= 127:
            raise InputError(f"{path} has grey of at most {grey.max()}; over 127 is building, and 0 throughout is none")
        buildings = grey > 127
        found.append(
            Labelled(path.stem, beside[0], buildings, Grid(buildings.shape[0], buildings.shape[1], cell_size_m))
        )
    if not found:
        raise InputError(f"masks is {str(masks)!r}, which holds no PNG; give one mask an image, of the same name")
    return found


def count_seen(labelled: Sequence[Labelled], allow_seen: bool) -> int | None:
    """How many images show ground that the segmenter was trained on, by fingerprints of their masks.

    returns  with `allow_seen` None where nothing tells what it was trained on
    raises   InputError naming them, or when that cannot be told, unless seen ones are allowed
    """
    masks = {one.name: at_a_metre(one.buildings, one.grid.cell_size_m) for one in labelled}
    seen = seen_or_refused(NETWORK, masks, lambda: training_fingerprints(NETWORK), allow_seen)
    return None if seen is None else len(seen)


def draw(segmenter: Segmenter, image: NDArray[np.uint8], grid: Grid) -> BuildingMap:
    """Image that fills the grid -> mask, as an edge draws it without the evidence of readings.

    raises  InputError when the ground is too large for an edge
    """
    return segmenter(resize(image, image_shape(grid)), grid)


def read_image(path: Path) -> NDArray[np.uint8]:
    """An image file as an edge would decode it. Raises InputError naming it when it is none."""
    try:
        return decode_image(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def score_segmenter(
    labelled: Sequence[Labelled],
    threads: int = 1,
    seen_images: int | None = None,
    report: Callable[[int, int], None] = lambda done, of: None,
) -> SegmenterScores:
    """Draw every image once, after one uncounted round that loads the network.

    threads      CPU threads of the network; an edge has one
    seen_images  of them, see `count_seen`
    raises       InputError when an image cannot be read or is too large for an edge
    """
    segmenter = Segmenter.load(threads)
    draw(segmenter, read_image(labelled[0].image), labelled[0].grid)
    both = drawn_cells = true_cells = cells = 0
    seconds = 0.0
    for done, one in enumerate(labelled):
        report(done, len(labelled))
        image = read_image(one.image)
        began = time.perf_counter()
        drawn = draw(segmenter, image, one.grid)
        seconds += time.perf_counter() - began
        both += int((drawn & one.buildings).sum())
        drawn_cells += int(drawn.sum())
        true_cells += int(one.buildings.sum())
        cells += drawn.size
    either = drawn_cells + true_cells - both
    return SegmenterScores(
        len(labelled),
        both / either if either else 1.0,
        both / drawn_cells if drawn_cells else None,
        both / true_cells if true_cells else None,
        (either - both) / cells,
        1000 * seconds / len(labelled),
        seen_images,
    )
