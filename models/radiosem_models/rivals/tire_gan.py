"""Radio depth map -> map by a cGAN that a downstream task rewards: TiRE-GAN (arXiv 2405.02567), sample-free."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from torch import Tensor, nn
from torch.nn import functional as F

from radiosem.scale import RAYTRACED
from radiosem.types import DEFAULT_POWER_DBM, DEFAULT_THRESHOLD_DBM
from radiosem_models.blocks import ConvBlock
from radiosem_models.rivals.adversarial import Adversarial, fooled, told_apart
from radiosem_models.rivals.cgan_plain import StridedUNet
from radiosem_models.rivals.rival import weighted_mse

MSE_WEIGHT, TASK_WEIGHT = 100.0, 1.0  # beside an adversarial loss of weight 1; chosen, see the class
THRESHOLD_GREY = float(RAYTRACED.grey(np.array(DEFAULT_THRESHOLD_DBM - DEFAULT_POWER_DBM)))


class Incentive(nn.Sequential):
    """The task's network: a map -> logits of outage, both [B, 1, H, W]. It learns on true maps."""

    def __init__(self, width: int = 16) -> None:
        super().__init__(ConvBlock(1, width), ConvBlock(width, width), nn.Conv2d(width, 1, 3, 1, 1))


class TireGan(Adversarial):
    """TiRE-GAN without samples (arXiv 2405.02567): depth map in, outage detection as the task that rewards.

        channels -> strided U-Net -> grey;  grey, channels -> patch discriminator -> true or drawn
                                       +--> incentive network -> outage

    Left open without the paper's samples, and chosen: the depth map is that of our conventions (law fitted elsewhere,
    eq. 3-4 of arXiv 2501.10654), the generator is `cgan_plain`'s, losses weigh MSE 100, adversarial 1, task 1, and the
    incentive network learns beside the others on true maps, at -90 dBm of received power on the `raytraced` scale.

    channels  names of the channels in, among them "depth map"
    """

    sides_multiple_of: ClassVar[int] = 64

    def __init__(self, channels: tuple[str, ...], widths: tuple[int, ...] = (32, 64, 128, 256, 256, 256)) -> None:
        super().__init__(channels)
        self.unet = StridedUNet(len(channels), widths)

    def players(self) -> dict[str, nn.Module]:
        """The discriminator and the incentive network."""
        return {**super().players(), "incentive": Incentive()}

    def losses(
        self, channels: Tensor, truth: Tensor, weight: Tensor, phase: int, players: Mapping[str, nn.Module]
    ) -> dict[str, Tensor]:
        """MSE, adversarial and task loss; the discriminator's; the incentive network's."""
        fake = self(channels)
        judge, incentive = players["discriminator"], players["incentive"]
        outage = (truth < THRESHOLD_GREY).float()
        incentive.requires_grad_(False)
        task = F.binary_cross_entropy_with_logits(incentive(fake), outage, weight)
        incentive.requires_grad_(True)
        squared = weighted_mse(fake, truth, weight)
        return {
            "network": MSE_WEIGHT * squared + fooled(judge, fake, channels) + TASK_WEIGHT * task,
            "discriminator": told_apart(judge, fake, truth, channels),
            "incentive": F.binary_cross_entropy_with_logits(incentive(truth), outage, weight),
        }
