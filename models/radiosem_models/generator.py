"""The cGAN that turns features of a block into its radio map: network, discriminator, and how they are trained."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import AdamW, Optimizer

from radiosem.physics.features import CHANNELS, scene_features, set_law
from radiosem.physics.pathloss import PRIOR, fit_path_loss
from radiosem.types import PathLoss, Samples
from radiosem_models.blocks import ConvBlock, PatchUNet, channels_last
from radiosem_models.data import Dataset, MapKey
from radiosem_models.training.export import Exported, export_network

BUILDINGS, CARS, RAYS = (CHANNELS.index(name) for name in ("buildings", "cars", "rays"))
EDGE_CUES = (BUILDINGS, CHANNELS.index("sight"), RAYS)  # what has edges to the pixel
# What the discriminator sees of the features beside the map: the condition I of eq. 5.
CONDITION = tuple(CHANNELS.index(name) for name in ("buildings", "transmitter", "depth map"))
SAMPLES_A_MAP, NOISE_DB = 300, 1.0


class Generator(nn.Module):
    """Features -> radio map as grey, a U-Net's correction to rays (arXiv 2501.10654, sec. II-E; its input F).

        features -+-> U-Net -> correction -+
                  +-> rays --------------(+) --+-> edges -> (+) -> 0 inside buildings -> clamp to [0, 1]
                  +--> buildings, sight -------+            |
                                               +------------+

    Rays end at the edge of every shadow, to the pixel; the U-Net draws patches of two pixels, so two thin convolutions
    at full resolution mend the seams.

    widths  channels of the U-Net's levels
    edges   channels between the two convolutions
    """

    def __init__(self, widths: tuple[int, ...], edges: int = 4) -> None:
        super().__init__()
        self.spare = -len(CHANNELS) % 8
        self.unet = PatchUNet(len(CHANNELS) + self.spare, 1, widths, patch=2)
        last = nn.Conv2d(edges, 1, 3, 1, 1)
        self.edges = nn.Sequential(nn.Conv2d(1 + len(EDGE_CUES), edges, 3, 1, 1), nn.ReLU(inplace=True), last)
        for layer in (self.unet.head, last):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def raw(self, features: Tensor) -> Tensor:
        """The map before the clamp, [B, 1, H, W]: training needs a slope below grey 0."""
        # The first channels once more fill them up to a multiple of eight, the width of a processor's convolutions.
        full = torch.cat([features, features[:, : self.spare]], 1)
        total: Tensor = features[:, RAYS : RAYS + 1] + self.unet(full)
        total = total + self.edges(torch.cat([total, *(features[:, cue : cue + 1] for cue in EDGE_CUES)], 1))
        return total * (1 - features[:, BUILDINGS : BUILDINGS + 1])

    def forward(self, features: Tensor) -> Tensor:
        """[B, 15, H, W] -> grey in [0, 1] of the `raytraced` scale, [B, 1, H, W]."""
        return self.raw(features).clamp(0, 1)


class PatchDiscriminator(nn.Module):
    """Judges 16 x 16 pixel patches of a map under its condition (arXiv 1611.07004): logits [B, 1, H / 16, W / 16]."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.PixelUnshuffle(4),
            ConvBlock((1 + len(CONDITION)) * 16, width),
            ConvBlock(width, 2 * width, 2),
            ConvBlock(2 * width, 2 * width, 2),
            nn.Conv2d(2 * width, 1, 1),
        )

    def forward(self, grey: Tensor, features: Tensor) -> Tensor:
        """Logits, positive for maps taken for true."""
        logits: Tensor = self.net(torch.cat([grey, features[:, CONDITION]], 1))
        return logits


def draw_law(dataset: Dataset, key: MapKey, grey: NDArray[np.uint8], rng: np.random.Generator) -> PathLoss:
    """Fit the law of one map from 300 random outdoor readings with 1 dB of noise, as a receiver would get it."""
    buildings = dataset.block(key.block_id).buildings
    transmitter = dataset.transmitter(key)
    row, col = np.unravel_index(rng.choice(np.flatnonzero(~buildings), SAMPLES_A_MAP), buildings.shape)
    gain_db = dataset.scale.gain_db(grey[row, col] / 255.0)
    power_dbm = transmitter.power_dbm + gain_db + rng.normal(0, NOISE_DB, len(row))
    power_dbm[grey[row, col] == 0] = -np.inf
    heard = np.isfinite(power_dbm)
    samples = Samples(np.zeros(heard.sum(), np.int64), col[heard], row[heard], power_dbm[heard])
    return fit_path_loss(samples, 0, transmitter, dataset.grid(key.block_id))


def roughened(buildings: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.bool_]:
    """A mask as a segmenter might have drawn it: walls moved by a metre or two, thin gaps closed, small roofs lost.

    buildings  bool [H, W], cells of 1 m
    returns    bool [H, W]; its IoU with the mask is 0.75 to 0.95, most often 0.85
    """
    inwards = cv2.distanceTransform(buildings.astype(np.uint8), cv2.DIST_L2, 3)
    outwards = cv2.distanceTransform((~buildings).astype(np.uint8), cv2.DIST_L2, 3)
    depth = np.asarray(np.clip(inwards, 0, 6) - np.clip(outwards, 0, 6), np.float32)
    severity = rng.uniform(0.3, 1.3)
    for period, metres in ((4, 1.0), (12, 1.6), (40, 1.6)):
        coarse = rng.standard_normal([n // period + 2 for n in buildings.shape], np.float32)
        wave = cv2.resize(coarse, None, fx=period, fy=period, interpolation=cv2.INTER_CUBIC)
        depth += np.float32(severity * metres) * wave[: buildings.shape[0], : buildings.shape[1]]
    return np.asarray(cv2.GaussianBlur(depth, (0, 0), 1.0) > 0)


def scale_name(dataset: Dataset) -> str:
    """Of the grey that a network learns to draw."""
    return "unknown" if dataset.known_scale is None else dataset.known_scale.name


class MapLoader:
    """Radio maps of a split as (features, grey); what no law changes is computed once and kept.

    wanted  channels that are looked at; the others may be left 0
    """

    def __init__(self, dataset: Dataset, keys: list[MapKey], wanted: Collection[str] = CHANNELS) -> None:
        self.dataset, self.keys, self.wanted = dataset, keys, wanted
        self._scenes: dict[tuple[str, int], NDArray[np.float16]] = {}
        self._grey = [dataset.grey(key) for key in keys]

    def load(
        self, i: int, law: PathLoss | None, received: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Features [C, H, W] and truth [1, H, W] of map i under a law, by default the prior's.

        received  the mask to build the features from, where it is not the true one
        """
        key = self.keys[i]
        transmitter, cars = self.dataset.transmitter(key), self.dataset.cars(key)
        buildings = self.dataset.block(key.block_id).buildings if received is None else received
        grid = self.dataset.grid(key.block_id)
        place = (key.block_id, key.transmitter)  # maps with and without cars share it: cars block no sight line
        if received is not None:
            features = scene_features(buildings, cars, transmitter, grid, self.wanted)
        else:
            if place not in self._scenes:
                scene = scene_features(buildings, None, transmitter, grid, self.wanted)
                self._scenes[place] = scene.astype(np.float16)
            features = self._scenes[place].astype(np.float32)
            if cars is not None:
                features[CARS] = cars
        set_law(features, law or PRIOR)
        return features, np.asarray(self._grey[i][None] / 255, np.float32)

    def law(self, i: int, rng: np.random.Generator) -> PathLoss:
        """The law a receiver would get for map i; the prior where grey is not known in dB, and none can be fitted."""
        if self.dataset.known_scale is None:
            return PRIOR
        return draw_law(self.dataset, self.keys[i], self._grey[i], rng)

    def _received(self, i: int, rng: np.random.Generator) -> NDArray[np.bool_]:
        """The mask of map i as an edge might have sent it, its transmitter outdoors."""
        key = self.keys[i]
        received = roughened(self.dataset.block(key.block_id).buildings, rng)
        place = self.dataset.transmitter(key)
        received[max(place.row - 1, 0) : place.row + 2, max(place.col - 1, 0) : place.col + 2] = False
        return received

    def draw(self, count: int, rng: np.random.Generator, rough: float = 0.0) -> tuple[Tensor, Tensor, Tensor]:
        """A random batch under fitted, noisy laws, each map under one of the eight symmetries of the square.

        rough    share of the maps that are to be rebuilt from a roughened mask
        returns  features [B, C, H, W], truth and weight [B, 1, H, W]; a pixel weighs 0 where received and true mask
                 differ: what is asked for there has no meaning
        """
        drawn = []
        for i in rng.integers(0, len(self.keys), count).tolist():
            law = self.law(i, rng) if rng.random() < 0.8 else None
            received = self._received(i, rng) if rng.random() < rough else None
            features, truth = self.load(i, law, received)
            true = self.dataset.block(self.keys[i].block_id).buildings
            weight = np.asarray(true == (true if received is None else received), np.float32)[None]
            turns, mirror = int(rng.integers(4)), bool(rng.integers(2))
            turned = (np.rot90(a, turns, (1, 2)) for a in (features, truth, weight))
            drawn.append([np.ascontiguousarray(a[:, :, ::-1] if mirror else a) for a in turned])
        batch = [torch.from_numpy(np.stack(part)) for part in zip(*drawn, strict=True)]
        return batch[0], batch[1], batch[2]


class GeneratorTask:
    """Train the cGAN by eq. 5-6 of arXiv 2501.10654; the patch discriminator learns on every other step.

    options  widths, batch, lr, adversarial_weight (the alpha of eq. 6), models (simulations), rough
             (the share of maps rebuilt from a roughened mask), id (of weights beside those of the receiver)
    """

    averaged = ("generator",)
    phase = 0

    def __init__(self, options: dict[str, Any], data_dir: Path, seed: int) -> None:
        self.options = options
        self.dataset = Dataset(data_dir)
        models = tuple(options["models"])
        self.training = MapLoader(self.dataset, self.dataset.some_keys("train", models, "models"))
        validation = self.dataset.some_keys("val", models[:1], "models")
        self.judged_by = self.dataset.truth_hash(validation)
        self.validation = MapLoader(self.dataset, validation)
        self.generator = channels_last(Generator(tuple(options["widths"])))
        self.discriminator = channels_last(PatchDiscriminator())
        self._optimizers = {
            "generator": AdamW(self.generator.parameters(), options["lr"], weight_decay=1e-4),
            "discriminator": AdamW(self.discriminator.parameters(), options["lr"] / 2, betas=(0.5, 0.99)),
        }
        self._turn = False

    def modules(self) -> Mapping[str, nn.Module]:
        """The two players."""
        return {"generator": self.generator, "discriminator": self.discriminator}

    def optimizers(self) -> Mapping[str, Optimizer]:
        """One each."""
        return self._optimizers

    def step(self, rng: np.random.Generator) -> dict[str, float]:
        """One generator step by L = alpha L_G + L_MSE; with the discriminator on every other one."""
        features, truth, weight = self.training.draw(self.options["batch"], rng, self.options["rough"])
        features = features.contiguous(memory_format=torch.channels_last)
        self._turn = not self._turn
        self.generator.train()
        raw = self.generator.raw(features)
        # Below grey 0 the truth is censored: a prediction down there costs nothing but keeps a slope.
        fake = F.leaky_relu(raw, 0.02)
        mse = (weight * (fake - truth) ** 2).mean()
        loss = mse
        out = {"images": float(len(truth)), "mse": mse.item()}
        if self._turn:
            self.discriminator.requires_grad_(False)
            judged = self.discriminator(fake, features)
            # E log(1 - D(G(F))) of eq. 6, from logits.
            loss = loss + self.options["adversarial_weight"] * -F.softplus(judged).mean()
            self.discriminator.requires_grad_(True)
        self._update("generator", loss)
        if self._turn:
            true_loss = F.softplus(-self.discriminator(truth, features)).mean()
            fake_loss = F.softplus(self.discriminator(fake.detach(), features)).mean()
            self._update("discriminator", true_loss + fake_loss)
            out["discriminator"] = (true_loss + fake_loss).item()
        return out

    def _update(self, name: str, loss: Tensor) -> None:
        optimizer = self._optimizers[name]
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.modules()[name].parameters(), 1.0)
        optimizer.step()

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Sample-free grey MSE over all pixels of the validation city, static maps, under the prior law."""
        self.generator.eval()
        errors = []
        for i in range(len(self.validation.keys)):
            features, truth = (torch.from_numpy(a)[None] for a in self.validation.load(i, None))
            grey = self.generator(features.contiguous(memory_format=torch.channels_last))
            errors.append(F.mse_loss(grey, truth).item())
        return {"score": float(np.mean(errors)), "maps": float(len(errors))}

    def exported(self) -> Mapping[str, Exported]:
        """The generator."""
        example = torch.from_numpy(self.validation.load(0, None)[0])[None]
        name = f"generator-{self.options['id']}" if "id" in self.options else "generator"
        return {name: Exported(self.generator, {"features": example}, ("grey",))}

    def export(self, folder: Path, about: dict[str, Any]) -> list[Path]:
        """Write generator.onnx and its manifest entry."""
        ((name, exported),) = self.exported().items()
        meta = {"scale": scale_name(self.dataset), "channels": list(CHANNELS)}
        split = f"split train {self.dataset.split_hash('train')[:16]}"
        path = export_network(
            exported,
            folder,
            name,
            licence="MIT",
            data=f"{self.dataset.name}, {split}, models {self.options['models']}",
            metrics={"val_mse": self.validate()["score"]},
            meta=meta | about,
            recipe=about["recipe"],
        )
        return [path]
