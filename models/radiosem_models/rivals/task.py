"""The task that trains a rival: the maps, augmentation, laws and validation score of our own generator."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Adam, Optimizer

from radiosem.errors import InputError
from radiosem.physics.features import CHANNELS
from radiosem_models.blocks import channels_last
from radiosem_models.data import Dataset
from radiosem_models.generator import MapLoader, scale_name
from radiosem_models.rivals.autoencoder import AutoEncoder
from radiosem_models.rivals.cgan_plain import PlainCGan
from radiosem_models.rivals.geo2sigmap import Geo2SigMap
from radiosem_models.rivals.radiounet import RadioUNet
from radiosem_models.rivals.rival import INPUTS, Rival
from radiosem_models.rivals.rme_gan import RmeGan
from radiosem_models.rivals.tire_gan import TireGan
from radiosem_models.rivals.uvm_net import UvmNet
from radiosem_models.training.export import Exported, export_network, round_to_half

# Name in a recipe and on the command line -> class: a new rival is one file and one line here.
RIVALS: dict[str, type[Rival]] = {
    "ae": AutoEncoder,
    "radiounet": RadioUNet,
    "cgan-plain": PlainCGan,
    "rme-gan": RmeGan,
    "tire-gan": TireGan,
    "geo2sigmap": Geo2SigMap,
    "uvm-net": UvmNet,
}
EXAMPLE_PX = 128  # side of the export's example at least: a quarter of it is still a map to every rival


class Progress(nn.Module):
    """Images seen so far, as a buffer, so that a checkpoint holds them."""

    images: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("images", torch.zeros((), dtype=torch.int64))


class RivalTask:
    """Train one rival by its paper's losses.

    options  rival (key of `RIVALS`), inputs (key of `rival.INPUTS`), id (weights become rival-ID.onnx), batch, lr,
             half_images (images that are learned from at half the resolution first, at a quarter of the time each),
             first_images (where a training has two phases: images after which the second begins), players_rate (share
             of lr by which discriminators and the like learn; 1 if left out), models (simulations to learn from), rough
             (the share of maps rebuilt from a roughened mask), bfloat16 (true: convolutions in bfloat16 while learning,
             never while judged; twice as fast on a processor with AVX512-BF16, slower on one without)
    raises   InputError on an unknown rival or inputs
    """

    averaged = ("network",)

    def __init__(self, options: dict[str, Any], data_dir: Path, seed: int) -> None:
        for key, known in (("rival", RIVALS), ("inputs", INPUTS)):
            if options[key] not in known:
                raise InputError(f"option {key} is {options[key]!r}; known are {', '.join(known)}")
        self.options = options
        self.dataset = Dataset(data_dir)
        models = tuple(options["models"])
        self.channels = INPUTS[options["inputs"]]
        self.training = MapLoader(self.dataset, self.dataset.some_keys("train", models, "models"), self.channels)
        validation = self.dataset.some_keys("val", models[:1], "models")
        self.judged_by = self.dataset.truth_hash(validation)
        self.validation = MapLoader(self.dataset, validation, self.channels)
        self._places = [CHANNELS.index(name) for name in self.channels]
        self.network = channels_last(RIVALS[options["rival"]](self.channels))
        self.players = {name: channels_last(player) for name, player in self.network.players().items()}
        self.progress = Progress()
        # The loop's rate has fallen to about half when a second phase begins: it starts as the first did.
        self._optimizers: dict[str, Optimizer] = {
            f"phase {phase}": Adam(self.network.learner(phase).parameters(), options["lr"] * (1 + phase))
            for phase in range(self.network.phases)
        }
        players_lr = options["lr"] * options.get("players_rate", 1.0)
        self._optimizers |= {n: Adam(p.parameters(), players_lr, betas=(0.5, 0.999)) for n, p in self.players.items()}

    @property
    def phase(self) -> int:
        """Which phase of its training the rival is in."""
        last = self.network.phases - 1
        return last if int(self.progress.images) >= self.options.get("first_images", 0) else 0

    def modules(self) -> Mapping[str, nn.Module]:
        """The rival, who learns beside it, and how far it is."""
        return {"network": self.network, "progress": self.progress, **self.players}

    def optimizers(self) -> Mapping[str, Optimizer]:
        """One a phase, one a player."""
        return self._optimizers

    def _channels(self, features: Tensor) -> Tensor:
        return features[:, self._places].contiguous(memory_format=torch.channels_last)

    def _draw(self, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Channels, truth and weight of a batch, at the resolution whose turn it is."""
        features, truth, weight = self.training.draw(self.options["batch"], rng, self.options["rough"])
        channels = self._channels(features)
        if int(self.progress.images) >= self.options.get("half_images", 0):
            return channels, truth, weight
        halved = [F.avg_pool2d(a, 2) for a in (channels, truth, weight)]
        place = self.channels.index("transmitter")  # stays 1 at one pixel
        halved[0][:, place] = F.max_pool2d(channels[:, place], 2)
        return halved[0], halved[1], halved[2]

    def step(self, rng: np.random.Generator) -> dict[str, float]:
        """One step of the network and of all who play."""
        channels, truth, weight = self._draw(rng)
        phase = self.phase
        self.network.train()
        with torch.autocast("cpu", torch.bfloat16, enabled=self.options.get("bfloat16", False)):
            losses = self.network.losses(channels, truth, weight, phase, self.players)
        self._update(self._optimizers[f"phase {phase}"], losses["network"])
        for name in self.players:
            self._update(self._optimizers[name], losses[name])
        self.progress.images += len(truth)
        return {"images": float(len(truth)), "phase": float(phase)} | {n: loss.item() for n, loss in losses.items()}

    @staticmethod
    def _update(optimizer: Optimizer, loss: Tensor) -> None:
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        for group in optimizer.param_groups:
            nn.utils.clip_grad_norm_(group["params"], 1.0)
        optimizer.step()

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Sample-free grey MSE of the validation city, as for our generator: static maps, prior law, 0 in buildings."""
        self.network.eval()
        self.network.phase = self.phase
        errors = []
        for i in range(len(self.validation.keys)):
            features, truth = (torch.from_numpy(a)[None] for a in self.validation.load(i, None))
            outdoors = 1 - features[:, :1]
            grey = self.network(self._channels(features)).clamp(0, 1) * outdoors
            errors.append(F.mse_loss(grey, truth).item())
        return {"score": float(np.mean(errors)), "maps": float(len(errors)), "phase": float(self.phase)}

    def exported(self) -> Mapping[str, Exported]:
        """The network in the phase that it has come to."""
        self.network.phase = self.phase
        features = torch.from_numpy(self.validation.load(0, None)[0])[None]
        times = -(-EXAMPLE_PX // min(features.shape[-2:]))
        example = features[:, self._places].repeat(1, 1, times, times)
        return {f"rival-{self.options['id']}": Exported(self.network, {"channels": example}, ("grey",))}

    def export(self, folder: Path, about: dict[str, Any]) -> list[Path]:
        """Write rival-ID.onnx with weights as float16, and its manifest entry, which tells the phase if any."""
        ((name, exported),) = self.exported().items()
        round_to_half(self.network)
        meta: dict[str, Any] = {
            "rival": self.options["rival"],
            "scale": scale_name(self.dataset),
            "channels": list(self.channels),
            "sides_multiple_of": self.network.sides_multiple_of,
        }
        if self.network.phases > 1:
            meta |= {"phase": self.phase, "first_images": self.options.get("first_images", 0)}
        path = export_network(
            exported,
            folder,
            name,
            licence="MIT",
            data=f"{self.dataset.name}, split train {self.dataset.split_hash('train')[:16]}, "
            f"models {self.options['models']}",
            metrics={"val_mse": self.validate()["score"]},
            meta=meta | about,
            recipe=about["recipe"],
            half=True,
        )
        return [path]
