"""What the papers print, beside which the bench puts what it measures.

Main paper: arXiv 2501.10654, Tables I and II: RadioMapSeer, 400/100/100 maps, MSE x 1e-4, scaling not said.
RadioDiff: An Effective Generative Diffusion Model for Sampling-Free Dynamic Radio Map Construction, Tables II and IV:
RadioMapSeer, raw grey, static (SRM) and dynamic (DRM) maps; times on a GPU.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """A row of a paper's table.

    method  as the paper names it
    ours    id of the reconstructor here, or family of the sender, that does the same; empty where there is none
    """

    method: str
    ours: str


@dataclass(frozen=True)
class SampleFree(Published):
    """Table I of the main paper."""

    mse_e4: float


@dataclass(frozen=True)
class RateError(Published):
    """Table II of the main paper. `kb` is its unit, which it does not explain; `mse_e4` None for raw data."""

    kb: float
    mse_e4: float | None


@dataclass(frozen=True)
class Quality(Published):
    """One half of Table II of RadioDiff."""

    nmse: float
    rmse: float
    ssim: float
    psnr: float


@dataclass(frozen=True)
class Cost(Published):
    """Table IV of RadioDiff: seconds and MB an image."""

    seconds: float
    memory_mb: float


# What a network here changes of its paper's, beside data, split and training time; the class of each says more.
DIFFERS = {
    "ae": "the paper gives its name alone",
    "cgan-plain": "7 of its 54 million parameters, linear output, no dropout; a hundredth of its adversarial weight",
    "geo2sigmap": "no heights, no signal measurements, a quarter of the widths",
    "radiounet": "half the resolution first, to learn in hours",
    "rme-gan": "without samples, its losses on samples and its resampling; a hundredth of its adversarial weight",
    "tire-gan": "without samples; pix2pix's generator, weights of the losses chosen",
    "uvm-net": "both scans over pixels, in plain torch; 1.8 million parameters",
}
TABLE_I = (
    SampleFree("AE", "ae", 210.6612),
    SampleFree("RU (RadioUNet)", "radiounet", 19.4825),
    SampleFree("cGAN", "cgan-plain", 94.6961),
    SampleFree("RME-GAN", "rme-gan", 99.9894),
    SampleFree("Geo2SigMap", "geo2sigmap", 8.6920),
    SampleFree("TiRE-GAN", "tire-gan", 7.9489),
    SampleFree("Our method", "cgan", 6.6587),
)
TABLE_II = (
    RateError("Raw Data", "raw-map", 59.1, None),
    RateError("JPEG", "jpeg-map", 29.8, 490.15),
    RateError("AE", "map-ae", 8.1, 15.50),
    RateError("VQVAE", "map-vqvae", 8.1, 19.44),
    RateError("VAE", "map-vae", 32.1, 77.53),
    RateError("Our method (VQVAE)", "vqvae", 8.1, 14.22),
    RateError("Our method (JPEG)", "jpeg", 3.6, 14.53),
)
RADIODIFF_STATIC = (
    Quality("RME-GAN", "rme-gan", 0.0115, 0.0303, 0.9323, 30.54),
    Quality("RadioUnet", "radiounet", 0.0074, 0.0244, 0.9592, 32.01),
    Quality("UVM-Net", "uvm-net", 0.0085, 0.0304, 0.9320, 30.34),
    Quality("RadioDiff", "", 0.0049, 0.0190, 0.9691, 35.13),
)
RADIODIFF_DYNAMIC = (
    Quality("RME-GAN", "rme-gan", 0.0118, 0.0307, 0.9219, 30.40),
    Quality("RadioUnet", "radiounet", 0.0089, 0.0258, 0.9410, 31.75),
    Quality("UVM-Net", "uvm-net", 0.0088, 0.0301, 0.9326, 30.42),
    Quality("RadioDiff", "", 0.0057, 0.0215, 0.9536, 34.92),
)
RADIODIFF_COST = (
    Cost("RME-GAN", "rme-gan", 0.042, 2923),
    Cost("UVM-Net", "uvm-net", 0.095, 8738),
    Cost("RadioUnet", "radiounet", 0.056, 3927),
    Cost("RadioDiff", "", 0.6, 6062),
)
