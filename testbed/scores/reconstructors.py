"""Features of a map -> its radio map, by every reconstructor that needs no samples; and the weights each runs on."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from radiosem import weights
from radiosem.inference import STRIDE, load_network, pad_sides
from radiosem.physics.features import CHANNELS
from radiosem.scale import Grey

Features = NDArray[np.float32]  # [C, H, W], see radiosem.physics.features
LAW, DEPTH = (CHANNELS.index(name) for name in ("law", "depth map"))

# Least squares of grey on the depth map over the outdoor pixels of the 1,214 static maps of the training cities;
# `radiosem_models.prior` recomputes them.
DEPTH_OFFSET, DEPTH_SLOPE = -0.1819, 1.4614
GENERATOR, RIVAL = "generator", "rival-"  # what the names of our weights and of rivals' begin with


@dataclass(frozen=True)
class Rebuild:
    """A reconstructor, loaded: features -> grey of the `raytraced` scale.

    channels  names of those it looks at; the others need not be computed
    """

    channels: tuple[str, ...]
    draw: Callable[[Features], Grey]

    def __call__(self, features: Features) -> Grey:
        """[C, H, W] -> [H, W]."""
        return self.draw(features)


class Load(Protocol):
    """What loads a reconstructor."""

    def __call__(self, threads: int, lean: bool = True) -> Rebuild:
        """Load it on so many CPU threads; `lean` as of `radiosem.inference.Network`."""


def _path_loss(threads: int, lean: bool = True) -> Rebuild:
    return Rebuild(("law",), lambda features: features[LAW])


def _depth_map(threads: int, lean: bool = True) -> Rebuild:
    return Rebuild(("depth map",), lambda features: np.clip(DEPTH_OFFSET + DEPTH_SLOPE * features[DEPTH], 0, 1))


def _cgan(name: str) -> Load:
    """What loads a generator of the manifest."""

    def load(threads: int, lean: bool = True) -> Rebuild:
        network = load_network(name, threads, lean)
        return Rebuild(CHANNELS, lambda features: _cropped(lambda x: network(features=x), features, STRIDE))

    return load


def _rival(name: str) -> Load:
    """What loads a rival of the manifest, whose `meta` says which channels it takes."""

    def load(threads: int, lean: bool = True) -> Rebuild:
        meta = weights.entry(name).meta
        network = load_network(name, threads, lean)
        channels = tuple(meta["channels"])
        places = [CHANNELS.index(channel) for channel in channels]
        sides = int(meta["sides_multiple_of"])
        return Rebuild(channels, lambda features: _cropped(lambda x: network(channels=x), features[places], sides))

    return load


def _cropped(run: Callable[[Features], list[NDArray[np.float32]]], channels: Features, sides: int) -> Grey:
    """Run a network on channels whose south and east edges are repeated up to the sides it takes."""
    rows, cols = channels.shape[-2:]
    return np.clip(run(pad_sides(channels, sides)[None])[0][0, 0, :rows, :cols], 0, 1)


class Reconstructors(Mapping[str, Load]):
    """Name on the command line -> what loads it on a number of threads: formulas, and every network with weights.

    A new formula is one function and one line in `FORMULAS`; a network appears when its weights are listed: `cgan` for
    the receiver's generator, `cgan-X` for one fine-tuned as generator-X, and the bare name of a rival.
    """

    FORMULAS: Mapping[str, Load] = {"path-loss": _path_loss, "depth-map": _depth_map}

    def __getitem__(self, name: str) -> Load:
        """Raises KeyError on a name that is not known."""
        if name in self.FORMULAS:
            return self.FORMULAS[name]
        network = self.networks()[name]
        return _rival(network) if network.startswith(RIVAL) else _cgan(network)

    def __iter__(self) -> Iterator[str]:
        yield from self.FORMULAS
        yield from self.networks()

    def __len__(self) -> int:
        return len(self.FORMULAS) + len(self.networks())

    @staticmethod
    def networks() -> dict[str, str]:
        """Name on the command line -> name in the manifest."""
        listed = sorted(weights.entries())
        ours = {"cgan" + name.removeprefix(GENERATOR): name for name in listed if name.startswith(GENERATOR)}
        return ours | {name.removeprefix(RIVAL): name for name in listed if name.startswith(RIVAL)}


RECONSTRUCTORS = Reconstructors()


def network_of(model: str) -> str | None:
    """Name in the manifest of the network that a reconstructor runs; None for a formula or an interpolation."""
    return RECONSTRUCTORS.networks().get(model)


def weights_of(model: str) -> dict[str, str]:
    """Name and SHA-256 of the network a reconstructor runs; none for a formula or an interpolation."""
    network = network_of(model)
    return {} if network is None else {network: weights.entry(network).sha256}
