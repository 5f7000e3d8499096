"""The reconstructors that can be scored, and the weights each depends on."""

from radiosem import weights
from testbed.reconstruct import RECONSTRUCTORS, Rebuild, network_of


def reconstructor_names() -> tuple[str, ...]:
    """Ids on the command line of every reconstructor that runs here, without those that need samples."""
    return tuple(RECONSTRUCTORS)


def load_reconstructor(name: str, threads: int, lean: bool = True) -> Rebuild:
    """What turns channels into a map; `lean` as of `radiosem.inference.Network`."""
    return RECONSTRUCTORS[name](threads, lean)


def weights_of(name: str) -> dict[str, str]:
    """SHA-256 of the network a reconstructor runs; none for a formula."""
    network = network_of(name)
    return {} if network is None else {network: weights.entry(network).sha256}
