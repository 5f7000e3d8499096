"""Buildings and transmitter -> map by a cGAN, first the global pattern, then the local: RME-GAN (arXiv 2212.12817)."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from radiosem_models.rivals.adversarial import Adversarial, fooled, told_apart
from radiosem_models.rivals.radiounet import FIRST, PoolingUNet
from radiosem_models.rivals.rival import weighted_mse

# Weights of the losses: adversarial, MSE, and that of the gradients (phase 0) or structure (phase 1).
# As published but for the first, which is 10 there: on grey in [0, 1] that drowns the error of the map.
WEIGHTS = ((0.1, 100.0, 0.1), (0.1, 10.0, 0.1))
SCALES, WINDOW = 3, 7  # of the multi-scale similarity
C1, C2 = 0.01**2, 0.03**2


def gradients(grey: Tensor) -> Tensor:
    """Sobel gradients along rows, columns and both diagonals: [B, 1, H, W] -> [B, 4, H, W]."""
    along = torch.tensor([[1.0, 0, -1], [2, 0, -2], [1, 0, -1]])
    across = torch.tensor([[0.0, 1, 2], [-1, 0, 1], [-2, -1, 0]])
    kernels = torch.stack([along, along.T, across, across.flip(0)])[:, None]
    with torch.autocast(grey.device.type, enabled=False):
        return F.conv2d(grey, kernels.to(grey), padding=1)


def direction_loss(fake: Tensor, truth: Tensor) -> Tensor:
    """1 - cosine between the gradients of two maps, mean over pixels: where the field falls, not how much."""
    return 1 - F.cosine_similarity(gradients(fake), gradients(truth), dim=1, eps=1e-4).mean()


def structure_loss(fake: Tensor, truth: Tensor) -> Tensor:
    """1 - structural similarity, mean over scales each half as fine (flat windows)."""
    total = torch.zeros(())
    for scale in range(SCALES):
        x, y = (F.avg_pool2d(a, 2**scale) for a in (fake, truth))
        mean_x, mean_y = (F.avg_pool2d(a, WINDOW, 1) for a in (x, y))
        var_x = F.avg_pool2d(x * x, WINDOW, 1) - mean_x**2
        var_y = F.avg_pool2d(y * y, WINDOW, 1) - mean_y**2
        covariance = F.avg_pool2d(x * y, WINDOW, 1) - mean_x * mean_y
        top = (2 * mean_x * mean_y + C1) * (2 * covariance + C2)
        total = total + (top / ((mean_x**2 + mean_y**2 + C1) * (var_x + var_y + C2))).mean()
    return 1 - total / SCALES


class RmeGan(Adversarial):
    """RME-GAN without samples (arXiv 2212.12817; so scored in RadioDiff's Table II and arXiv 2501.10654's Table I).

        channels -> RadioUNet's first U-Net -> grey;  grey, channels -> patch discriminator -> true or drawn

    Phase 0 learns the global pattern: adversarial, MSE, and the direction of the gradients. Phase 1 learns local
    features: adversarial, MSE less heavy, multi-scale structure. Without samples fall away: the map interpolated from
    them by a propagation model (the truth's gradients stand in for its), the energy and superpixel losses on samples,
    and the resampling between the phases. Left out: total variation, whose published weight is too small to act.
    Chosen: a hundredth of the published adversarial weight.

    channels  names of the channels in
    """

    phases: ClassVar[int] = 2
    sides_multiple_of: ClassVar[int] = 64

    def __init__(self, channels: tuple[str, ...]) -> None:
        super().__init__(channels)
        self.unet = PoolingUNet(len(channels), FIRST)

    def losses(
        self, channels: Tensor, truth: Tensor, weight: Tensor, phase: int, players: Mapping[str, nn.Module]
    ) -> dict[str, Tensor]:
        """The phase's sum; the discriminator's."""
        fake = self(channels).float()  # similarity is a difference of squares: not for bfloat16
        judge = players["discriminator"]
        adversarial, squared, other = WEIGHTS[phase]
        shape_loss = direction_loss(fake, truth) if phase == 0 else structure_loss(fake, truth)
        total = adversarial * fooled(judge, fake, channels) + squared * weighted_mse(fake, truth, weight)
        return {"network": total + other * shape_loss, "discriminator": told_apart(judge, fake, truth, channels)}
