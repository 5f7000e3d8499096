"""The networks of the learned link: a building mask as analogue symbols, and how they are trained through noise."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import AdamW, Optimizer

from radiosem_models.blocks import ConvBlock, ResBlock
from radiosem_models.data import Dataset
from radiosem_models.rendering.procedural import KINDS, procedural_heights
from radiosem_models.training.export import Exported, export_network
from radiosem_models.vqvae import draw_masks

STRIDE = 8  # pixels a side of the cell whose symbols are drawn together
ES_N0_DB = (-2.0, 20.0)  # trained over, in dB
SCORED_DB = (-2.0, 4.0, 10.0, 16.0, 20.0)


class JsccEncoder(nn.Module):
    """Mask [B, 1, H, W] -> symbols [B, 2 C, H / 8, W / 8]: C real parts, then C imaginary, E|s|^2 = 1 over each map.

    symbols  C, complex symbols a cell
    width    channels inside
    blocks   residual blocks
    """

    def __init__(self, symbols: int, width: int, blocks: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.PixelUnshuffle(STRIDE),
            ConvBlock(STRIDE**2, width),
            *(ResBlock(width) for _ in range(blocks)),
            nn.Conv2d(width, 2 * symbols, 1),
        )

    def forward(self, mask: Tensor) -> Tensor:
        """Encode, and bring the mean energy of a map's symbols to 1 (arXiv 1809.01733, eq. 2)."""
        parts: Tensor = self.net(mask)
        energy = 2 * parts.square().mean((1, 2, 3), keepdim=True)
        return parts * energy.clamp(min=1e-12).rsqrt()


class JsccDecoder(nn.Module):
    """Noisy symbols [B, 2 C, h, w] and Es/N0 [B, 1] in dB -> logits [B, 1, 8 h, 8 w], positive = building.

        symbols * Es / (Es + N0) -> conv -> (scale, shift -> block) ... -> conv -> shuffle -> logits
        Es/N0 -> two layers --------------------^

    Es/N0 scales and shifts the channels before every block (arXiv 1709.07871): how far to trust a symbol depends on it.
    """

    def __init__(self, symbols: int, width: int, blocks: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2 * symbols, width, 3, 1, 1)
        self.blocks = nn.ModuleList(ResBlock(width) for _ in range(blocks))
        self.trust = nn.Sequential(nn.Linear(1, 32), nn.SiLU(), nn.Linear(32, 2 * width * blocks))
        self.head = nn.Conv2d(width, STRIDE**2, 3, 1, 1)

    def forward(self, symbols: Tensor, es_n0_db: Tensor) -> Tensor:
        """Decode."""
        gain = 1 / (1 + 10 ** (-es_n0_db[:, :, None, None] / 10))
        x = self.stem(symbols * gain)
        trust = self.trust(es_n0_db / ES_N0_DB[1])[:, :, None, None].chunk(2 * len(self.blocks), 1)
        for i, block in enumerate(self.blocks):
            x = block(x * (1 + trust[2 * i]) + trust[2 * i + 1])
        return F.pixel_shuffle(self.head(x), STRIDE)


def awgn(symbols: Tensor, es_n0_db: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Add n ~ CN(0, N0): variance N0 / 2 on each real part, N0 = 10^(-EsN0/10).

    symbols   float32 [B, 2 C, h, w], E|s|^2 = 1
    es_n0_db  float32 [B, 1], dB
    """
    deviation = (10 ** (-es_n0_db / 10) / 2).sqrt()[:, :, None, None]
    return symbols + deviation * torch.randn(symbols.shape, generator=generator)


class JsccTask:
    """Binary cross-entropy of the mask after the air, Es/N0 drawn for every mask (arXiv 1809.01733).

    options  symbols (complex, a cell of 8 x 8 pixels), width, encoder_blocks, decoder_blocks, batch, lr,
             imagined (made-up blocks to learn from beside the training cities')
    """

    averaged = ("encoder", "decoder")
    judged_by = ""
    phase = 0

    def __init__(self, options: dict[str, Any], data_dir: Path, seed: int) -> None:
        self.options = options
        self.dataset = Dataset(data_dir)
        self.val_masks = [self.dataset.block(b).buildings for b in self.dataset.blocks_in("val")]
        self.train_masks = [self.dataset.block(b).buildings for b in self.dataset.blocks_in("train")]
        kinds, side = sorted(KINDS), self.val_masks[0].shape[0]
        self.train_masks += [
            procedural_heights(seed + i, kinds[i % len(kinds)], side) > 0 for i in range(options["imagined"])
        ]
        symbols, width = options["symbols"], options["width"]
        self.encoder = JsccEncoder(symbols, width, options["encoder_blocks"])
        self.decoder = JsccDecoder(symbols, width, options["decoder_blocks"])
        parameters = [*self.encoder.parameters(), *self.decoder.parameters()]
        self._optimizer = AdamW(parameters, options["lr"], weight_decay=1e-4)

    def modules(self) -> Mapping[str, nn.Module]:
        """Both ends."""
        return {"encoder": self.encoder, "decoder": self.decoder}

    def optimizers(self) -> Mapping[str, Optimizer]:
        """One for both ends."""
        return {"adamw": self._optimizer}

    def step(self, rng: np.random.Generator) -> dict[str, float]:
        """One step through the air."""
        mask = draw_masks(self.train_masks, self.options["batch"], rng)
        es_n0_db = torch.from_numpy(rng.uniform(*ES_N0_DB, (len(mask), 1)).astype(np.float32))
        logits = self.decoder(awgn(self.encoder(mask), es_n0_db), es_n0_db)
        loss = F.binary_cross_entropy_with_logits(logits, mask)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_([*self.encoder.parameters(), *self.decoder.parameters()], 1.0)
        self._optimizer.step()
        return {"images": len(mask), "cross_entropy": loss.item()}

    @torch.no_grad()
    def wrong_share(self, mask: NDArray[np.bool_], es_n0_db: float) -> float:
        """Share of wrong pixels of one mask after the air; the noise is the same at every call."""
        symbols = self.encoder(_image(mask))
        known = torch.full((1, 1), es_n0_db)
        logits = self.decoder(awgn(symbols, known, torch.Generator().manual_seed(0)), known)
        return float(((logits[0, 0] > 0).numpy() != mask).mean())

    def validate(self) -> dict[str, float]:
        """Share of wrong pixels on the validation city: at each Es/N0 of `SCORED_DB`, and as score their mean."""
        shares = {
            f"wrong_at_{es_n0_db:g}_db": float(np.mean([self.wrong_share(mask, es_n0_db) for mask in self.val_masks]))
            for es_n0_db in SCORED_DB
        }
        return {"score": float(np.mean(list(shares.values()))), **shares}

    def exported(self) -> Mapping[str, Exported]:
        """Both ends."""
        mask = _image(self.val_masks[0])
        with torch.no_grad():
            air = {"symbols": self.encoder(mask), "es_n0_db": torch.full((1, 1), 10.0)}
        return {
            "jscc-encoder": Exported(self.encoder, {"mask": mask}, ("symbols",)),
            "jscc-decoder": Exported(self.decoder, air, ("logits",)),
        }

    def export(self, folder: Path, about: dict[str, Any]) -> list[Path]:
        """Write jscc-encoder.onnx and jscc-decoder.onnx."""
        scores = self.validate()
        meta = about | {"stride": STRIDE, "symbols_a_cell": self.options["symbols"], "es_n0_db": list(ES_N0_DB)}
        imagined = f", {self.options['imagined']} made-up blocks" if self.options["imagined"] else ""
        facts: dict[str, Any] = {
            "recipe": about["recipe"],
            "data": f"{self.dataset.name} masks, split train {self.dataset.split_hash('train')[:16]}{imagined}",
            "licence": "MIT",
            "metrics": {f"val_{name}": value for name, value in scores.items() if name != "score"},
            "meta": meta,
        }
        return [export_network(exported, folder, name, **facts) for name, exported in self.exported().items()]


def _image(mask: NDArray[np.bool_]) -> Tensor:
    return torch.from_numpy(mask.astype(np.float32))[None, None]
