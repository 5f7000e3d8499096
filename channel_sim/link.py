"""The registry of links: digital ones by modulation and rate, and those that are trained networks."""

from types import MappingProxyType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from channel_sim.digital import LdpcLink, Reception
from channel_sim.modulation import QAM16, QAM64, QPSK
from radiosem import weights
from radiosem.errors import InputError, WeightsError
from radiosem.frame import Frame

DEFAULT_LINK = "qpsk-1/2"


class Link(Protocol):
    """A way to send a frame: how it is coded and modulated."""

    @property
    def name(self) -> str:
        """Name in the registry."""

    @property
    def exact(self) -> bool:
        """What arrives are the bytes of the frame, or nothing; else a likeness that differs from burst to burst."""

    def payload_bits(self, frame: Frame) -> int:
        """Bits of a frame before channel coding, checksums included; none for what goes as analogue symbols."""

    def encode(self, frame: Frame) -> NDArray[np.complex64]:
        """Clean symbols of a frame, complex64 [n], E|s|^2 = 1; raises InputError when the frame is too long."""

    def decode(self, symbols: NDArray[np.complex64], es_n0_db: float) -> Reception:
        """Parts of the frame in noisy symbols, complex64 [n]; raises ChannelError when they hold no burst."""


_LINKS = MappingProxyType(
    {
        link.name: link
        for link in (
            LdpcLink(QPSK, "1/2"),
            LdpcLink(QPSK, "3/4"),
            LdpcLink(QAM16, "1/2"),
            LdpcLink(QAM16, "3/4"),
            LdpcLink(QAM64, "1/2"),
            LdpcLink(QAM64, "2/3"),
            LdpcLink(QAM64, "5/6"),
        )
    }
)


# Links that are trained networks, and the weights without which they are not offered.
_LEARNED = {"jscc": ("jscc-encoder", "jscc-decoder")}


def link_names() -> tuple[str, ...]:
    """Names of all links, the default first; a learned one only where the manifest lists its networks."""
    return (*_LINKS, *_learned())


def _learned() -> tuple[str, ...]:
    try:
        listed = weights.entries()
    except WeightsError:
        return ()
    return tuple(name for name, networks in _LEARNED.items() if listed.keys() >= set(networks))


def make_link(name: str = DEFAULT_LINK) -> Link:
    """The link of a name.

    raises  InputError that lists the names known; WeightsError when a network of a learned link is altered
    """
    if name in _LINKS:
        return _LINKS[name]
    if name not in _learned():
        raise InputError(f"link is {name!r}; known links are {', '.join(link_names())}")
    from channel_sim.jscc import jscc_link  # loads ONNX Runtime, which the digital links do without

    return jscc_link()
