"""The rivals that send the finished radio map: autoencoders with few, coarse latents, and how they are trained.

The paper names them (arXiv 2501.10654, Table II) and leaves them open; here all three send as many symbols as their
recipe says, range coded by how often training maps have them, and see the same maps. What runs them is
`radiosem.codecs.maps`.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import AdamW, Optimizer

from radiosem.codecs.maps import COUNTS
from radiosem.errors import InputError
from radiosem_models.blocks import ConvBlock, ResBlock, channels_last
from radiosem_models.data import Dataset
from radiosem_models.training.export import Exported, export_network
from radiosem_models.vqvae import Codebook

UNSHUFFLE = 4
STRIDES = (8, 16)  # pixels a side of a cell of latents


def _encoder(dim: int, width: int, stride: int) -> nn.Sequential:
    """Grey [B, 1, H, W] -> latents [B, dim, H / stride, W / stride]."""
    layers = [nn.PixelUnshuffle(UNSHUFFLE), ConvBlock(UNSHUFFLE**2, width), ConvBlock(width, 2 * width, 2)]
    layers.append(ResBlock(2 * width))
    if stride == STRIDES[1]:
        layers += [ConvBlock(2 * width, 3 * width, 2), ResBlock(3 * width), nn.Conv2d(3 * width, 2 * width, 1)]
    return nn.Sequential(*layers, nn.Conv2d(2 * width, dim, 1))


def _decoder(dim: int, width: int, stride: int) -> nn.Sequential:
    """Latents [B, dim, h, w] -> grey [B, 1, stride h, stride w], not yet clamped."""
    layers: list[nn.Module] = [ConvBlock(dim, 2 * width)]
    if stride == STRIDES[1]:
        layers = [ConvBlock(dim, 3 * width), ResBlock(3 * width), nn.Upsample(scale_factor=2, mode="nearest")]
        layers.append(ConvBlock(3 * width, 2 * width))
    layers += [ResBlock(2 * width), nn.Upsample(scale_factor=2, mode="nearest"), ConvBlock(2 * width, width)]
    layers += [ResBlock(width), nn.Conv2d(width, UNSHUFFLE**2, 3, 1, 1), nn.PixelShuffle(UNSHUFFLE)]
    return nn.Sequential(*layers)


class MapSender(nn.Module):
    """Grey map -> encoder -> latents -> whole numbers -> decoder -> grey map.

    options  symbols_a_cell, bits_a_symbol, stride (8 or 16: pixels a side of a cell), width (channels of the finest
             level)
    encoded  channels that leave the encoder
    decoded  channels that the decoder takes
    """

    def __init__(self, options: dict[str, Any], encoded: int, decoded: int) -> None:
        super().__init__()
        self.levels = 1 << int(options["bits_a_symbol"])
        self.encoder = _encoder(encoded, options["width"], options["stride"])
        self.decoder = _decoder(decoded, options["width"], options["stride"])

    def losses(self, grey: Tensor, rng: np.random.Generator) -> dict[str, Tensor]:
        """Terms of the loss, already weighted; `mse` is one of them."""
        raise NotImplementedError

    def to_levels(self, grey: Tensor) -> Tensor:
        """Grey [B, 1, H, W] -> float [B, C, h, w] in [0, levels - 1]; the nearest whole numbers are sent."""
        raise NotImplementedError

    def from_symbols(self, symbols: Tensor) -> Tensor:
        """Whole numbers as float [B, C, h, w] -> grey [B, 1, H, W] in [0, 1]."""
        raise NotImplementedError


class MapAe(MapSender):
    """Autoencoder, its latents squashed by tanh and rounded; gradients go straight through the rounding."""

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__(options, options["symbols_a_cell"], options["symbols_a_cell"])

    def losses(self, grey: Tensor, rng: np.random.Generator) -> dict[str, Tensor]:
        """Squared error of the map after the rounding."""
        levels = self.to_levels(grey)
        symbols = levels + (levels.round() - levels).detach()
        return {"mse": F.mse_loss(self._draw(symbols), grey)}

    def to_levels(self, grey: Tensor) -> Tensor:
        """Encode."""
        return (torch.tanh(self.encoder(grey)) + 1) * ((self.levels - 1) / 2)

    def _draw(self, symbols: Tensor) -> Tensor:
        drawn: Tensor = self.decoder(symbols * (2 / (self.levels - 1)) - 1)
        return drawn

    def from_symbols(self, symbols: Tensor) -> Tensor:
        """Decode."""
        return self._draw(symbols).clamp(0, 1)


class MapVae(MapSender):
    """Variational autoencoder (arXiv 1312.6114): it sends the posterior's mean, within 3 prior deviations, rounded.

    options  beta, weight of the divergence from the prior in nats a pixel: twice the variance that the map is given
    """

    reach = 3.0

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__(options, 2 * options["symbols_a_cell"], options["symbols_a_cell"])
        self.beta = float(options["beta"])

    def losses(self, grey: Tensor, rng: np.random.Generator) -> dict[str, Tensor]:
        """Squared error of the map drawn from a random latent, and the divergence of its distribution."""
        mean, log_variance = self.encoder(grey).chunk(2, 1)
        log_variance = log_variance.clamp(-12, 6)
        noise = torch.from_numpy(rng.standard_normal(mean.shape, np.float32))
        drawn = self.decoder(mean + (log_variance / 2).exp() * noise)
        divergence = (mean.square() + log_variance.exp() - 1 - log_variance).sum() / (2 * grey.numel())
        return {"mse": F.mse_loss(drawn, grey), "divergence": self.beta * divergence}

    def to_levels(self, grey: Tensor) -> Tensor:
        """Encode."""
        mean: Tensor = self.encoder(grey).chunk(2, 1)[0]
        return (mean.clamp(-self.reach, self.reach) + self.reach) * ((self.levels - 1) / (2 * self.reach))

    def from_symbols(self, symbols: Tensor) -> Tensor:
        """Decode."""
        drawn: Tensor = self.decoder(symbols * (2 * self.reach / (self.levels - 1)) - self.reach)
        return drawn.clamp(0, 1)


class MapVqVae(MapSender):
    """Vector-quantised autoencoder (arXiv 1711.00937): it sends one index a cell.

    options  dim, length of a codeword; commitment, weight of the commitment loss; symbols_a_cell is 1
    """

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__(options, options["dim"], options["dim"])
        self.codebook = Codebook(self.levels, options["dim"])
        self.commitment = float(options["commitment"])

    def losses(self, grey: Tensor, rng: np.random.Generator) -> dict[str, Tensor]:
        """Squared error of the map and the commitment loss; the codebook learns by the way."""
        z = self.encoder(grey)
        indices = self.codebook.nearest(z)
        codewords = self.codebook.look_up(indices)
        drawn = self.decoder(z + (codewords - z).detach())
        commitment = F.mse_loss(z, codewords)
        self.codebook.learn(z.detach(), indices, rng)
        return {"mse": F.mse_loss(drawn, grey), "commitment": self.commitment * commitment}

    def to_levels(self, grey: Tensor) -> Tensor:
        """Encode."""
        return self.codebook.nearest(self.encoder(grey))[:, None].float()

    def from_symbols(self, symbols: Tensor) -> Tensor:
        """Decode."""
        drawn: Tensor = self.decoder(self.codebook.look_up(symbols[:, 0].long()))
        return drawn.clamp(0, 1)


SENDERS: dict[str, Callable[[dict[str, Any]], MapSender]] = {"ae": MapAe, "vae": MapVae, "vqvae": MapVqVae}


class _Encoder(nn.Module):
    """What the sender runs."""

    def __init__(self, sender: MapSender) -> None:
        super().__init__()
        self.sender = sender

    def forward(self, grey: Tensor) -> Tensor:
        """Grey -> levels."""
        return self.sender.to_levels(grey)


class _Decoder(nn.Module):
    """What the receiver runs."""

    def __init__(self, sender: MapSender) -> None:
        super().__init__()
        self.sender = sender

    def forward(self, symbols: Tensor) -> Tensor:
        """Symbols -> grey."""
        return self.sender.from_symbols(symbols)


class MapSenderTask:
    """Learn to send whole maps, under the eight symmetries of the square.

    options  kind (key of `SENDERS`) and its own options, models (simulations to learn from), batch, lr; id, by which
             its files are called, is the kind where it is left out
    """

    averaged = ("sender",)
    phase = 0

    def __init__(self, options: dict[str, Any], data_dir: Path, seed: int) -> None:
        self.options = options
        if options["kind"] not in SENDERS:
            raise InputError(f"kind is {options['kind']!r}; it must be one of {', '.join(SENDERS)}")
        if options["stride"] not in STRIDES:
            raise InputError(f"stride is {options['stride']}; it must be one of {STRIDES}")
        self.dataset = Dataset(data_dir)
        models = tuple(options["models"])
        self.training = [self.dataset.grey(key) for key in self.dataset.some_keys("train", models, "models")]
        validation = self.dataset.some_keys("val", models[:1], "models")
        self.judged_by = self.dataset.truth_hash(validation)
        self.validation = [self.dataset.grey(key) for key in validation]
        self.sender = channels_last(SENDERS[options["kind"]](options))
        self._optimizer = AdamW(self.sender.parameters(), options["lr"], weight_decay=1e-4)

    def modules(self) -> Mapping[str, nn.Module]:
        """The network."""
        return {"sender": self.sender}

    def optimizers(self) -> Mapping[str, Optimizer]:
        """One."""
        return {"sender": self._optimizer}

    def step(self, rng: np.random.Generator) -> dict[str, float]:
        """One step on a batch of maps."""
        drawn = []
        for i in rng.integers(0, len(self.training), self.options["batch"]):
            grey = np.rot90(self.training[i], int(rng.integers(4)))
            drawn.append(np.ascontiguousarray(grey.T if rng.integers(2) else grey))
        grey = _image(np.stack(drawn)).contiguous(memory_format=torch.channels_last)
        losses = self.sender.losses(grey, rng)
        self._optimizer.zero_grad(set_to_none=True)
        torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.sender.parameters(), 1.0)
        self._optimizer.step()
        return {"images": len(grey), **{name: loss.item() for name, loss in losses.items()}}

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Grey MSE over all pixels of the validation city, static maps, after the rounding."""
        errors = []
        for one in self.validation:
            grey = _image(one[None])
            received = self.sender.from_symbols(self.sender.to_levels(grey).round())
            errors.append(F.mse_loss(received, grey).item())
        return {"score": float(np.mean(errors)), "maps": float(len(errors))}

    @torch.no_grad()
    def _symbol_counts(self) -> NDArray[np.int64]:
        """How often each symbol is sent for the training maps of the first simulation: int64 [C, levels]."""
        counts = np.zeros((self.options["symbols_a_cell"], self.sender.levels), np.int64)
        for key in self.dataset.keys("train", tuple(self.options["models"][:1])):
            symbols = self.sender.to_levels(_image(self.dataset.grey(key)[None])).round()[0].long().flatten(1)
            for counted, channel in zip(counts, symbols.numpy(), strict=True):
                counted += np.bincount(channel, minlength=self.sender.levels)
        return counts

    def exported(self) -> Mapping[str, Exported]:
        """What the sender runs, and what the receiver runs."""
        name = f"map-{self.options.get('id', self.options['kind'])}"
        grey = _image(self.validation[0][None])
        with torch.no_grad():
            symbols = self.sender.to_levels(grey).round()
        return {
            f"{name}-encoder": Exported(_Encoder(self.sender), {"grey": grey}, ("levels",)),
            f"{name}-decoder": Exported(_Decoder(self.sender), {"symbols": symbols}, ("grey",)),
        }

    def export(self, folder: Path, about: dict[str, Any]) -> list[Path]:
        """Write map-ID-encoder.onnx and map-ID-decoder.onnx."""
        (encoder, to_send), (decoder, to_draw) = self.exported().items()
        told = {key: self.options[key] for key in ("bits_a_symbol", "symbols_a_cell", "stride")}
        facts: dict[str, Any] = {
            "recipe": about["recipe"],
            "data": f"{self.dataset.name}, split train {self.dataset.split_hash('train')[:16]}, "
            f"models {self.options['models']}",
            "licence": "MIT",
            "metrics": {"val_mse": self.validate()["score"]},
        }
        meta = about | told | {"scale": self.dataset.scale.name}
        counted = meta | {COUNTS: self._symbol_counts().tolist()}
        return [
            export_network(to_send, folder, encoder, meta=meta, **facts),
            export_network(to_draw, folder, decoder, meta=counted, **facts),
        ]


def _image(grey: NDArray[np.uint8]) -> Tensor:
    """Grey maps, uint8 [B, H, W] -> float32 [B, 1, H, W] in [0, 1]."""
    return torch.from_numpy(grey.astype(np.float32)[:, None] / np.float32(255))
