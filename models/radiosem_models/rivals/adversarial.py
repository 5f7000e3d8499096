"""A generator beside the discriminator of pix2pix (arXiv 1611.07004), which judges patches of a map."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from radiosem_models.rivals.rival import Rival


class PatchDiscriminator(nn.Module):
    """The paper's judge of 70 x 70 pixel patches under their condition: logits, positive for maps taken for true."""

    def __init__(self, c_in: int, width: int = 32) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(c_in + 1, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        for a, b, stride in ((width, 2 * width, 2), (2 * width, 4 * width, 2), (4 * width, 8 * width, 1)):
            layers += [nn.Conv2d(a, b, 4, stride, 1, bias=False), nn.BatchNorm2d(b), nn.LeakyReLU(0.2)]
        self.net = nn.Sequential(*layers, nn.Conv2d(8 * width, 1, 4, 1, 1))

    def forward(self, grey: Tensor, channels: Tensor) -> Tensor:
        """[B, 1, H, W] and [B, c_in, H, W] -> [B, 1, h, w]."""
        logits: Tensor = self.net(torch.cat([grey, channels], 1))
        return logits


def fooled(discriminator: nn.Module, fake: Tensor, channels: Tensor) -> Tensor:
    """How little the discriminator is fooled: the generator's loss. Its gradient reaches `fake` alone."""
    discriminator.requires_grad_(False)
    loss = F.softplus(-discriminator(fake, channels)).mean()
    discriminator.requires_grad_(True)
    return loss


def told_apart(discriminator: nn.Module, fake: Tensor, truth: Tensor, channels: Tensor) -> Tensor:
    """The discriminator's own loss, halved as in the paper."""
    true_loss = F.softplus(-discriminator(truth, channels)).mean()
    fake_loss = F.softplus(discriminator(fake.detach(), channels)).mean()
    return (true_loss + fake_loss) / 2


class Adversarial(Rival):
    """A rival whose generator learns beside a discriminator; subclasses set `unet` and say what is lost.

        channels -> unet -> 0 in buildings -> grey;  grey, channels -> patch discriminator -> true or drawn

    Chosen: the map is 0 in buildings before it is judged. The truth is, and a discriminator that may look there tells
    every drawn map by it.
    """

    unet: nn.Module

    def forward(self, channels: Tensor) -> Tensor:
        """[B, C, H, W], buildings first -> grey [B, 1, H, W]."""
        grey: Tensor = self.unet(channels) * (1 - channels[:, :1])
        return grey

    def players(self) -> dict[str, nn.Module]:
        """The discriminator."""
        return {"discriminator": PatchDiscriminator(len(self.channels))}
