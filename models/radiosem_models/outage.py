"""The outage classifier: a small network on the rebuilt map that has seen where rebuilt maps err."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import AdamW, Optimizer

from radiosem.inference import Network
from radiosem.types import Transmitter
from radiosem_models.blocks import UNet, channels_last
from radiosem_models.data import Dataset
from radiosem_models.generator import MapLoader
from radiosem_models.training.export import Exported, export_network

SHARPNESS = 20.0  # a pixel 5 % of the scale below the threshold starts out at 1 logit


class OutageClassifier(nn.Module):
    """Rebuilt map and threshold -> logits of outage (arXiv 2501.10654, sec. IV-B, where the network is left open).

        map, threshold -+-> UNet(map, map - threshold) -> correction -+-> logits
                        +-> SHARPNESS * (threshold - map) -----------(+)

    widths  channels of the U-Net's levels
    """

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.unet = UNet(2, 1, widths)
        nn.init.zeros_(self.unet.head.weight)
        nn.init.zeros_(self.unet.head.bias)  # type: ignore[arg-type]

    def forward(self, map_grey: Tensor, threshold_grey: Tensor) -> Tensor:
        """Map [B, 1, H, W] and threshold [B, 1], both grey -> logits [B, 1, H, W], positive = outage."""
        margin = map_grey - threshold_grey[:, :, None, None]
        correction: Tensor = self.unet(torch.cat([map_grey, margin], 1))
        return correction - SHARPNESS * margin


class RebuiltMaps:
    """Maps as the generator rebuilds them from fitted laws, beside the truth and the outdoor mask."""

    def __init__(self, dataset: Dataset, split: str, model: str, generator: Network, rng: np.random.Generator) -> None:
        loader = MapLoader(dataset, dataset.keys(split, (model,)))
        self.rebuilt: list[NDArray[np.float16]] = []
        self.truth: list[NDArray[np.float16]] = []
        self.outdoors: list[NDArray[np.bool_]] = []
        for i, key in enumerate(loader.keys):
            features, truth = loader.load(i, loader.law(i, rng))
            self.rebuilt.append(generator(features=features[None])[0][0, 0].astype(np.float16))
            self.truth.append(truth[0].astype(np.float16))
            self.outdoors.append(~dataset.block(key.block_id).buildings)


class OutageTask:
    """Binary cross-entropy over outdoor pixels, thresholds drawn at random; censored truth is outage.

    options  widths, batch, lr, model, generator (ONNX file), thresholds_dbm (lowest, highest), threshold_dbm
    """

    averaged = ("classifier",)
    phase = 0

    def __init__(self, options: dict[str, Any], data_dir: Path, seed: int) -> None:
        self.options = options
        self.classifier = channels_last(OutageClassifier(tuple(options["widths"])))
        self._optimizer = AdamW(self.classifier.parameters(), options["lr"], weight_decay=1e-4)
        self.dataset = Dataset(data_dir)
        rng = np.random.default_rng(seed)
        generator = Network(Path(options["generator"]), threads=1)
        self.training = RebuiltMaps(self.dataset, "train", options["model"], generator, rng)
        self.validation = RebuiltMaps(self.dataset, "val", options["model"], generator, rng)
        self.judged_by = self.dataset.truth_hash(self.dataset.keys("val", (options["model"],)))

    def _grey(self, threshold_dbm: float) -> float:
        """A threshold on received power as grey, at the default transmit power."""
        gain_db = np.array(threshold_dbm - Transmitter(0, 0).power_dbm)
        return float(self.dataset.scale.grey(gain_db))

    def modules(self) -> Mapping[str, nn.Module]:
        """The network."""
        return {"classifier": self.classifier}

    def optimizers(self) -> Mapping[str, Optimizer]:
        """One."""
        return {"classifier": self._optimizer}

    def step(self, rng: np.random.Generator) -> dict[str, float]:
        """One step on a batch under the symmetries of the square."""
        drawn: list[tuple[NDArray[np.float32], ...]] = []
        greys = []
        for i in rng.integers(0, len(self.training.rebuilt), self.options["batch"]):
            turns, mirror = int(rng.integers(4)), bool(rng.integers(2))
            images = [
                np.rot90(a[i], turns) for a in (self.training.rebuilt, self.training.truth, self.training.outdoors)
            ]
            drawn.append(tuple((a.T if mirror else a).astype(np.float32) for a in images))
            greys.append(self._grey(rng.uniform(*self.options["thresholds_dbm"])))
        rebuilt, truth, weight = (torch.from_numpy(np.stack(a))[:, None] for a in zip(*drawn, strict=True))
        threshold = torch.tensor(greys)[:, None]
        logits = self.classifier(rebuilt.contiguous(memory_format=torch.channels_last), threshold)
        outage = (truth < threshold[:, :, None, None]).float()
        loss = F.binary_cross_entropy_with_logits(logits, outage, weight, reduction="sum") / weight.sum()
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.classifier.parameters(), 1.0)
        self._optimizer.step()
        return {"images": len(truth), "cross_entropy": loss.item()}

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Outage IoU on the validation city at the default threshold: the classifier's and plain comparison's."""
        grey = self._grey(self.options["threshold_dbm"])
        hits = np.zeros((2, 2))
        for rebuilt, truth, outdoors in zip(*vars(self.validation).values(), strict=True):
            image = torch.from_numpy(rebuilt.astype(np.float32))[None, None]
            logits = self.classifier(image, torch.tensor([[grey]]))[0, 0].numpy()
            outage = (truth < grey) & outdoors
            for row, found in enumerate((logits > 0, rebuilt < grey)):
                found = found & outdoors
                hits[row] += (found & outage).sum(), (found | outage).sum()
        classifier, comparison = hits[:, 0] / hits[:, 1]
        return {
            "score": float(1 - classifier),
            "outage_iou": float(classifier),
            "comparison_outage_iou": float(comparison),
        }

    def exported(self) -> Mapping[str, Exported]:
        """The classifier."""
        example = torch.from_numpy(self.validation.rebuilt[0].astype(np.float32))[None, None]
        threshold_grey = torch.tensor([[self._grey(self.options["threshold_dbm"])]])
        inputs = {"map_grey": example, "threshold_grey": threshold_grey}
        return {"outage": Exported(self.classifier, inputs, ("logits",))}

    def export(self, folder: Path, about: dict[str, Any]) -> list[Path]:
        """Write outage.onnx and its manifest entry."""
        scores = self.validate()
        ((name, exported),) = self.exported().items()
        path = export_network(
            exported,
            folder,
            name,
            recipe=about["recipe"],
            data=f"maps rebuilt by {self.options['generator']}, split train {self.dataset.split_hash('train')[:16]}",
            licence="MIT",
            metrics={f"val_{k}": v for k, v in scores.items() if k != "score"},
            meta={"scale": self.dataset.scale.name} | about,
        )
        return [path]
