"""A landscape image -> which pixels are building: the network, and the task of training it.

Trained on rendered blocks of the training cities mixed with real aerial tiles; scored on a city and on real grounds
that took no part in it.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer

from radiosem.masks.on_grid import mask_on_grid
from radiosem.types import Grid
from radiosem_models.blocks import PatchUNet, channels_last
from radiosem_models.data import Dataset
from radiosem_models.rendering.aerial import WORKING_PIXEL_M, AerialTiles, View
from radiosem_models.rendering.landscapes import Crop, Landscapes, aerial_crop, aerial_tile, disturb, rendered_crop
from radiosem_models.training.export import Exported, export_network

MULTIPLE = 32  # sides of the input are multiples of this
MIN_SIDE = 64
IMAGINED_KINDS = ("settlement", "suburb")  # of procedural blocks: what the real grounds are like
TILE_SIDES = ((38, 64), (76, 96), (153, 160))  # pixels of ground, and with what is mirrored: zooms 21, 20 and 19


class Segmenter(PatchUNet):
    """Buildings in an aerial image: a U-Net on patches of four pixels, run at 512 x 512 on one core of the edge.

    widths  channels of the levels; the sides of x are multiples of 4 * 2 ** (levels - 1)
    """

    def __init__(self, widths: tuple[int, ...] = (32, 64, 128, 192)) -> None:
        super().__init__(3, 1, widths)

    def forward(self, x: Tensor) -> Tensor:
        """RGB in [0, 1], [B, 3, H, W] at 0.5 m a pixel -> logits [B, 1, H, W]."""
        return super().forward(x * 4 - 2)


def segmentation_loss(logits: Tensor, target: Tensor, negative: Tensor) -> Tensor:
    """Binary cross-entropy plus soft IoU loss.

    logits, target  [B, 1, H, W], target 0 or 1
    negative        [B, 1, 1, 1], what a 0 means: the probability that an unlabelled pixel is a roof after all
    """
    believed = target + (1 - target) * negative
    p = torch.sigmoid(logits)
    overlap, union = (p * target).sum((1, 2, 3)), (p + target - p * target).sum((1, 2, 3))
    return F.binary_cross_entropy_with_logits(logits, believed) + 0.5 * (1 - (overlap + 50) / (union + 50)).mean()


def probability(network: nn.Module, image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Building probability of each pixel of an image of any size: uint8 [H, W, 3] RGB -> float32 [H, W].

    The image is mirrored at all its edges alike, up to a multiple of 32, at least 64.
    """
    rows, cols = image.shape[:2]
    below, right = (max(MIN_SIDE, -(-n // MULTIPLE) * MULTIPLE) - n for n in (rows, cols))
    top, left = below // 2, right // 2
    padded = cv2.copyMakeBorder(image, top, below - top, left, right - left, cv2.BORDER_REFLECT_101)
    with torch.inference_mode():
        logits = network(torch.from_numpy(padded.astype(np.float32) / 255).permute(2, 0, 1)[None])
    return np.asarray(torch.sigmoid(logits)[0, 0, top : top + rows, left : left + cols].numpy())


def pooled_iou(pairs: Iterable[tuple[NDArray[np.bool_], NDArray[np.bool_]]]) -> float:
    """Intersection over union of (predicted, true) masks, pixels of all pairs pooled; 1 when both are empty."""
    both = either = 0
    for predicted, true in pairs:
        both += int((predicted & true).sum())
        either += int((predicted | true).sum())
    return both / either if either else 1.0


def rendered_iou(network: nn.Module, landscapes: Landscapes, blocks: list[str], seeds: list[int]) -> float:
    """IoU on the 1 m grid of rendered blocks, the mask as an edge would send it."""
    pairs = []
    for block_id in blocks:
        truth = landscapes.heights_m(block_id) > 0
        for seed in seeds:
            p = probability(network, landscapes.image(block_id, seed))
            pairs.append((mask_on_grid(p, Grid(truth.shape[0], truth.shape[1])), truth))
    return pooled_iou(pairs)


def aerial_iou(network: nn.Module, views: Iterable[View]) -> float:
    """IoU of real views on a grid of 0.5 m, each brought to it by area means; the mask as an edge would draw it."""
    pairs = []
    for view in (view.at(WORKING_PIXEL_M) for view in views):
        rows, cols = view.buildings.shape
        grid = Grid(rows, cols, WORKING_PIXEL_M)
        pairs.append((mask_on_grid(probability(network, view.image), grid), view.buildings))
    return pooled_iou(pairs)


class SegmenterTask:
    """Train the segmenter on rendered blocks, the more often the more of them is building, and on real tiles.

    options    `aerial`, `cache`: folders, relative to the data folder and to the working directory; `held_out`: how
               many grounds, first in the order of the SHA-256 of their names, are for the test; `validation_grounds`:
               how many after them for validation; `renders` a block; `val_seeds`, `test_seeds`; `widths`;
               `batch`, `real` crops in it, `side`; `imagined`: how many procedural blocks of each kind in
               `IMAGINED_KINDS` are mixed into the real crops; `tile_steps`: share of the steps taken on single small
               tiles, as they are scored; `lr`, `weight_decay`; `unlabelled`: the chance that an unlabelled real pixel
               is a roof
    data_dir   a data set with heights, in RadioMapSeer's layout
    seed       of the network's weights is set by the caller
    """

    averaged = ("segmenter",)
    judged_by = ""
    phase = 0

    def __init__(self, options: dict[str, Any], data_dir: Path, seed: int) -> None:
        self.options = options
        self.data = Dataset(data_dir)
        self.landscapes = Landscapes(self.data, Path(options["cache"]))
        self.tiles = AerialTiles(Path(data_dir) / options["aerial"])
        held, kept = options["held_out"], options["held_out"] + options["validation_grounds"]
        self.test_grounds, self.val_grounds = self.tiles.grounds[:held], self.tiles.grounds[held:kept]
        # Half the working pixel: enough to turn and scale without loss, and sixteen times less to read than the tiles.
        self.views = [self.tiles.mosaic(g).at(WORKING_PIXEL_M / 2) for g in self.tiles.grounds[kept:]]
        self.blocks = self.data.blocks_in("train")
        built = np.array([self.landscapes.heights_m(block).astype(bool).mean() for block in self.blocks])
        self.odds = built / built.sum()
        self.imagined = [
            self.landscapes.imagined(kind, seed) for kind in IMAGINED_KINDS for seed in range(options["imagined"])
        ]
        self.network = channels_last(Segmenter(tuple(options["widths"])))
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=options["lr"], weight_decay=options["weight_decay"]
        )

    def modules(self) -> Mapping[str, nn.Module]:
        """The network."""
        return {"segmenter": self.network}

    def optimizers(self) -> Mapping[str, Optimizer]:
        """Its optimiser."""
        return {"segmenter": self.optimizer}

    def _batch(self, rng: np.random.Generator) -> tuple[list[Crop], list[float], float]:
        """Crops as the recipe mixes them; how much each is disturbed, and what share of them is real."""
        side, batch, real = self.options["side"], self.options["batch"], self.options["real"]
        crops = [aerial_crop(rng, self.views, self.imagined, side) for _ in range(real)]
        for _ in range(real, batch):
            block_id = self.blocks[int(rng.choice(len(self.blocks), p=self.odds))]
            landscape = self.landscapes.image(block_id, 10 + int(rng.integers(self.options["renders"])))
            crops.append(rendered_crop(rng, landscape, self.landscapes.buildings(block_id), side))
        return crops, [1.0] * real + [0.3] * (batch - real), real / batch

    def _tiles(self, rng: np.random.Generator) -> list[Crop]:
        """As many single tiles of one size, mirrored at their edges, as take the time of a batch."""
        content, side = TILE_SIDES[int(rng.integers(len(TILE_SIDES)))]
        count = max(2, round(self.options["batch"] * (self.options["side"] / side) ** 2))
        return [aerial_tile(rng, self.views, content, side) for _ in range(count)]

    def step(self, rng: np.random.Generator) -> dict[str, float]:
        """One batch, one step; `iou` is that of the batch."""
        tiles = rng.random() < self.options["tile_steps"]
        if tiles:
            crops = self._tiles(rng)
            strengths, real = [1.0] * len(crops), 1.0
        else:
            crops, strengths, real = self._batch(rng)
        images = [disturb(rng, crop[0], strength) for crop, strength in zip(crops, strengths, strict=True)]
        x = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)  # channels last, as the convolutions want it
        target = torch.from_numpy(np.stack([crop[1] for crop in crops]).astype(np.float32))[:, None]
        negative = torch.zeros(len(crops), 1, 1, 1)
        negative[: round(real * len(crops))] = self.options["unlabelled"]
        self.network.train(not tiles)  # small tiles are normalised by the statistics of whole crops, as when in use
        logits = self.network(x)
        loss = segmentation_loss(logits, target, negative)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        iou = pooled_iou([((logits.detach() > 0).numpy(), target.numpy() > 0.5)])
        area = sum(image.shape[0] * image.shape[1] for image in images) / self.options["side"] ** 2
        return {"loss": float(loss.detach()), "iou": iou, "images": area}

    def validate(self) -> dict[str, float]:
        """1 - the mean of the IoUs on the rendered validation city and on the real validation grounds."""
        self.network.eval()
        blocks = self.data.blocks_in("val")
        scores = {"iou_rendered": rendered_iou(self.network, self.landscapes, blocks, self.options["val_seeds"])}
        if self.val_grounds:
            views = [v for g in self.val_grounds for v in self.tiles.tiles_on(g)]
            scores["iou_real"] = aerial_iou(self.network, views)
        return {"score": 1 - float(np.mean([*scores.values()])), **scores}

    def test(self) -> dict[str, float]:
        """IoU on the test city and the held-out grounds: all their tiles, those of each zoom, and their mosaics."""
        self.network.eval()
        views = [v for g in self.test_grounds for v in self.tiles.tiles_on(g)]
        blocks = self.data.blocks_in("test")
        scores = {
            "iou_rendered_test": rendered_iou(self.network, self.landscapes, blocks, self.options["test_seeds"]),
            "iou_real_test": aerial_iou(self.network, views),
        }
        for zoom in sorted({v.name[:2] for v in views}):
            scores[f"iou_real_test_zoom{zoom}"] = aerial_iou(self.network, [v for v in views if v.name[:2] == zoom])
        scores["iou_real_test_mosaics"] = aerial_iou(self.network, [self.tiles.mosaic(g) for g in self.test_grounds])
        return {name: round(value, 4) for name, value in scores.items()}

    def exported(self) -> Mapping[str, Exported]:
        """The network."""
        example = torch.from_numpy(np.array(self.landscapes.image(self.data.blocks_in("val")[0], 1), np.float32) / 255)
        image = example.permute(2, 0, 1)[None].contiguous()
        return {"segmenter": Exported(self.network, {"image": image}, ("logits",))}

    def export(self, folder: Path, about: dict[str, Any]) -> list[Path]:
        """Write segmenter.onnx and its manifest entry, with the scores on the test city and the held-out grounds."""
        validated = {f"{name}_val": round(value, 4) for name, value in self.validate().items() if name != "score"}
        ((name, exported),) = self.exported().items()
        trained = ", ".join(view.name for view in self.views)
        path = export_network(
            exported,
            folder,
            name,
            licence="MIT; learned from OpenAerialMap imagery (CC BY 4.0) and © OpenStreetMap contributors (ODbL)",
            data=f"rendered blocks of split train {self.data.split_hash('train')[:16]}; aerial grounds {trained}",
            metrics=validated | self.test(),
            meta={"pixel_m": WORKING_PIXEL_M, "sides_multiple_of": MULTIPLE, "held_out_grounds": self.test_grounds}
            | about,
            recipe=about["recipe"],
        )
        return [path]
