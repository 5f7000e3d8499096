"""The vector-quantised autoencoder that turns a building mask into codebook indices, and how it is trained."""

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
from radiosem_models.training.export import Exported, export_network

STRIDE = 8  # pixels a side that one index stands for
UNSHUFFLE = 4


class MaskEncoder(nn.Module):
    """Mask [B, 1, H, W] -> latent vectors [B, dim, H / 8, W / 8]."""

    def __init__(self, dim: int, width: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.PixelUnshuffle(UNSHUFFLE),
            ConvBlock(UNSHUFFLE**2, width),
            ConvBlock(width, 2 * width, 2),
            ResBlock(2 * width),
            ResBlock(2 * width),
            nn.Conv2d(2 * width, dim, 1),
        )

    def forward(self, mask: Tensor) -> Tensor:
        """Encode."""
        z: Tensor = self.net(mask)
        return z


class MaskDecoder(nn.Module):
    """Codewords [B, dim, H / 8, W / 8] -> logits [B, 1, H, W], positive = building."""

    def __init__(self, dim: int, width: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            ConvBlock(dim, 2 * width),
            ResBlock(2 * width),
            ResBlock(2 * width),
            nn.Upsample(scale_factor=2, mode="nearest"),
            ConvBlock(2 * width, width),
            ResBlock(width),
            nn.Conv2d(width, UNSHUFFLE**2, 3, 1, 1),
            nn.PixelShuffle(UNSHUFFLE),
        )

    def forward(self, codewords: Tensor) -> Tensor:
        """Decode."""
        logits: Tensor = self.net(codewords)
        return logits


class Codebook(nn.Module):
    """K codewords learned as running means of the latents they stand for (arXiv 1711.00937, appendix A.1).

    A codeword that has fallen out of use is set on a random latent of the batch.
    """

    vectors: Tensor
    usage: Tensor

    def __init__(self, size: int, dim: int, decay: float = 0.98) -> None:
        super().__init__()
        self.decay = decay
        self.register_buffer("vectors", torch.randn(size, dim) * 0.1)
        self.register_buffer("usage", torch.ones(size))

    def nearest(self, z: Tensor) -> Tensor:
        """Latents [B, dim, h, w] -> int64 [B, h, w], argmin |z - w_k|^2 (arXiv 2501.10654, sec. II-D)."""
        flat = z.permute(0, 2, 3, 1)
        distance = (self.vectors**2).sum(1) - 2 * flat @ self.vectors.T
        return distance.argmin(-1)

    def look_up(self, indices: Tensor) -> Tensor:
        """int64 [B, h, w] -> [B, dim, h, w]."""
        return F.embedding(indices, self.vectors).permute(0, 3, 1, 2)

    @torch.no_grad()
    def learn(self, z: Tensor, indices: Tensor, rng: np.random.Generator) -> None:
        """Move every codeword towards the mean of its latents."""
        flat = z.permute(0, 2, 3, 1).reshape(-1, z.shape[1])
        one_hot = F.one_hot(indices.flatten(), len(self.vectors)).float()
        sums = (self.vectors * self.usage[:, None]).lerp(one_hot.T @ flat, 1 - self.decay)
        self.usage.lerp_(one_hot.sum(0), 1 - self.decay)
        self.vectors.copy_(sums / self.usage[:, None])
        idle = self.usage < 0.05
        if idle.any():
            chosen = torch.from_numpy(rng.integers(0, len(flat), int(idle.sum())))
            self.vectors[idle] = flat[chosen]
            self.usage[idle] = 1.0


class VqVae(nn.Module):
    """mask -> MaskEncoder -> nearest codeword -> MaskDecoder -> logits (arXiv 1711.00937; arXiv 2501.10654, sec. II-D).

    size, dim  codewords and their length
    width      channels of the finest level
    """

    def __init__(self, size: int, dim: int, width: int) -> None:
        super().__init__()
        self.encoder = MaskEncoder(dim, width)
        self.codebook = Codebook(size, dim)
        self.decoder = MaskDecoder(dim, width)

    def forward(self, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Mask -> (logits, latents, indices), gradients straight through the quantiser."""
        z = self.encoder(mask)
        indices = self.codebook.nearest(z)
        quantised = self.codebook.look_up(indices)
        return self.decoder(z + (quantised - z).detach()), z, indices


class IndexEncoder(nn.Module):
    """What the edge runs: mask float [1, 1, H, W] -> indices int64 [1, H / 8, W / 8]."""

    def __init__(self, network: VqVae) -> None:
        super().__init__()
        self.network = network

    def forward(self, mask: Tensor) -> Tensor:
        """Encode and quantise."""
        return self.network.codebook.nearest(self.network.encoder(mask))


class IndexDecoder(nn.Module):
    """What the receiver runs: indices int64 [1, h, w] -> logits [1, 1, 8 h, 8 w]."""

    def __init__(self, network: VqVae) -> None:
        super().__init__()
        self.network = network

    def forward(self, indices: Tensor) -> Tensor:
        """Look up and decode."""
        logits: Tensor = self.network.decoder(self.network.codebook.look_up(indices))
        return logits


def draw_masks(masks: list[NDArray[np.bool_]], count: int, rng: np.random.Generator) -> Tensor:
    """A batch [B, 1, H, W], each mask shifted by up to one stride and under one of the square's symmetries."""
    drawn: list[NDArray[np.float32]] = []
    for i in rng.integers(0, len(masks), count):
        shifts = (int(rng.integers(STRIDE)), int(rng.integers(STRIDE)))
        mask = np.pad(masks[i], [(s, STRIDE - s) for s in shifts], mode="edge")[:-STRIDE, :-STRIDE]
        mask = np.rot90(mask, int(rng.integers(4)))
        drawn.append((mask.T if rng.integers(2) else mask).astype(np.float32))
    return torch.from_numpy(np.stack(drawn))[:, None]


class VqVaeTask:
    """Binary cross-entropy of the mask plus the commitment loss.

    options  codebook, dim, width, batch, lr, commitment
    """

    averaged = ("vqvae",)
    judged_by = ""
    phase = 0

    def __init__(self, options: dict[str, Any], data_dir: Path, seed: int) -> None:
        self.options = options
        self.dataset = Dataset(data_dir)
        self.train_masks = [self.dataset.block(b).buildings for b in self.dataset.blocks_in("train")]
        self.val_masks = [self.dataset.block(b).buildings for b in self.dataset.blocks_in("val")]
        self.vqvae = VqVae(options["codebook"], options["dim"], options["width"])
        self._optimizer = AdamW(self.vqvae.parameters(), options["lr"], weight_decay=1e-4)

    def modules(self) -> Mapping[str, nn.Module]:
        """The network."""
        return {"vqvae": self.vqvae}

    def optimizers(self) -> Mapping[str, Optimizer]:
        """One."""
        return {"vqvae": self._optimizer}

    def step(self, rng: np.random.Generator) -> dict[str, float]:
        """One step of the autoencoder and of the codebook."""
        mask = draw_masks(self.train_masks, self.options["batch"], rng)
        logits, z, indices = self.vqvae(mask)
        commitment = F.mse_loss(z, self.vqvae.codebook.look_up(indices).detach())
        cross_entropy = F.binary_cross_entropy_with_logits(logits, mask)
        self._optimizer.zero_grad(set_to_none=True)
        (cross_entropy + self.options["commitment"] * commitment).backward()
        nn.utils.clip_grad_norm_(self.vqvae.parameters(), 1.0)
        self._optimizer.step()
        self.vqvae.codebook.learn(z.detach(), indices, rng)
        return {"images": len(mask), "cross_entropy": cross_entropy.item(), "commitment": commitment.item()}

    @torch.no_grad()
    def _score(self, masks: list[NDArray[np.bool_]]) -> tuple[float, NDArray[np.int64]]:
        """Share of wrong pixels, and how often each index was used."""
        wrong, counts = [], np.zeros(self.options["codebook"], np.int64)
        for mask in masks:
            logits, _, indices = self.vqvae(torch.from_numpy(mask.astype(np.float32))[None, None])
            wrong.append(float(((logits[0, 0] > 0).numpy() != mask).mean()))
            counts += np.bincount(indices.flatten().numpy(), minlength=len(counts))
        return float(np.mean(wrong)), counts

    def validate(self) -> dict[str, float]:
        """Share of wrong pixels on the validation city; bits a map at the zeroth-order entropy of its indices."""
        wrong, counts = self._score(self.val_masks)
        share = counts[counts > 0] / counts.sum()
        bits = float(-(share * np.log2(share)).sum() * counts.sum() / len(self.val_masks))
        return {"score": wrong, "entropy_bits": bits}

    def exported(self) -> Mapping[str, Exported]:
        """What the sender runs, and what the receiver runs."""
        mask = torch.from_numpy(self.val_masks[0].astype(np.float32))[None, None]
        encoder, decoder = IndexEncoder(self.vqvae), IndexDecoder(self.vqvae)
        return {
            "vqvae-encoder": Exported(encoder, {"mask": mask}, ("indices",)),
            "vqvae-decoder": Exported(decoder, {"indices": encoder(mask)}, ("logits",)),
        }

    def export(self, folder: Path, about: dict[str, Any]) -> list[Path]:
        """Write vqvae-encoder.onnx and vqvae-decoder.onnx; the indices' frequencies go into the manifest."""
        scores = self.validate()
        counts = self._score(self.train_masks)[1]
        meta = about | {"codebook_size": self.options["codebook"], "stride": STRIDE, "index_counts": counts.tolist()}
        facts: dict[str, Any] = {
            "recipe": about["recipe"],
            "data": f"{self.dataset.name} masks, split train {self.dataset.split_hash('train')[:16]}",
            "licence": "MIT",
            "metrics": {"val_wrong_pixel_share": scores["score"], "val_entropy_bits": scores["entropy_bits"]},
        }
        metas = {"vqvae-encoder": about, "vqvae-decoder": meta}
        return [
            export_network(exported, folder, name, meta=metas[name], **facts)
            for name, exported in self.exported().items()
        ]
