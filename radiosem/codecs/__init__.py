"""Building masks <-> bytes: the registry of codecs, found by name at the edge and by content id at the receiver."""

import logging
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from radiosem import weights
from radiosem.codecs import vqvae
from radiosem.codecs.bitmap import BitmapCodec
from radiosem.codecs.context import ContextCodec
from radiosem.codecs.jpeg import JpegCodec
from radiosem.codecs.vqvae import VqVaeCodec
from radiosem.errors import InputError, WeightsError
from radiosem.masks.on_grid import free_transmitters
from radiosem.types import BuildingMap, Transmitter

_log = logging.getLogger(__name__)


class MaskCodec(Protocol):
    """Turns a mask into bytes and back; `codec_id` names the code and its tables by content."""

    @property
    def name(self) -> str:
        """Name in the registry."""

    @property
    def codec_id(self) -> bytes:
        """4 bytes: the receiver must hold a codec of the same id."""

    @property
    def lossless(self) -> bool:
        """Whether every mask comes back as it was."""

    def encode(self, mask: BuildingMap) -> bytes:
        """Bool [H, W] -> bytes."""

    def decode(self, data: bytes, shape: tuple[int, int]) -> BuildingMap:
        """Bytes -> bool [H, W] of `shape`; FrameError on anything else, in bounded time and memory."""


_CODECS: dict[str, Callable[..., MaskCodec]] = {
    "context": ContextCodec,
    "jpeg": JpegCodec,
    "vqvae": VqVaeCodec,
    "bitmap": BitmapCodec,
}
_WEIGHTS = {"vqvae": vqvae.DECODER}  # the networks without which a codec is not held


def codec_names() -> tuple[str, ...]:
    """Names of all codecs, the default first."""
    return tuple(_CODECS)


def make_codec(name: str, **options: Any) -> MaskCodec:
    """The codec of that name; InputError on an unknown name or option, WeightsError when its network is missing."""
    if name not in _CODECS:
        raise InputError(f"codec is {name!r}; it must be one of {', '.join(_CODECS)}")
    try:
        return _CODECS[name](**options)
    except TypeError as error:
        raise InputError(f"codec {name} does not take options {', '.join(sorted(options))}: {error}") from None


def as_received(mask: BuildingMap, codec: MaskCodec, transmitters: Sequence[Transmitter]) -> BuildingMap:
    """The mask that the receiver will have, bool [H, W]: what the codec brings, its transmitters outdoors."""
    decoded = mask if codec.lossless else codec.decode(codec.encode(mask), (mask.shape[0], mask.shape[1]))
    return free_transmitters(decoded, transmitters)[0]


def receiver_codecs() -> dict[bytes, MaskCodec]:
    """Every codec this installation can decode, by id.

    One whose network the manifest does not list is left out, and the log says so; an altered network is a WeightsError.
    """
    held: dict[bytes, MaskCodec] = {}
    for name in _CODECS:
        if name in _WEIGHTS:
            try:
                weights.entry(_WEIGHTS[name])
            except WeightsError as error:
                _log.warning("codec %s is not held: %s", name, error)
                continue
        codec = make_codec(name)
        held[codec.codec_id] = codec
    return held
