"""The learned link: the building mask as analogue symbols that a trained network draws, all else coded as ever.

    signal field | id of the networks, strong part | cars, readings | mask
    QPSK, 1/8    | QPSK, 1/4                       | QPSK, 1/2      | drawn by the encoder network, E|s|^2 = 1

No checksum guards the mask: what the decoder network reads out of the noise is the mask. Noise shows as wrong pixels,
more of them the worse the channel, and never as a lost mask (deep joint source-channel coding, arXiv 1809.01733).
"""

import hashlib
import math
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from channel_sim.digital import LdpcLink, Reception
from channel_sim.modulation import QPSK, SATURATION
from radiosem import weights
from radiosem.codecs import MaskCodec, make_codec
from radiosem.codecs.bitmap import BitmapCodec, bitmap_bytes
from radiosem.errors import ChannelError, FrameError, InputError, WeightsError
from radiosem.frame import Frame, seal, unpack
from radiosem.inference import Network, load_network
from radiosem.types import BuildingMap

ENCODER, DECODER = "jscc-encoder", "jscc-decoder"
_DIGITAL = LdpcLink(QPSK, "1/2")
_BITMAP = BitmapCodec()
_SEALED = len(seal(b"", b""))  # bytes of a section's checksum
_ID_BYTES = 4


class JsccLink:
    """Takes frames whose mask is a `bitmap`; the number of symbols it takes depends on the grid alone.

    raises  WeightsError when a network is missing or altered, or the decoder's manifest entry lacks `stride`,
            `symbols_a_cell` or `es_n0_db`

    A burst names its networks by four bytes, so that a receiver with others refuses it. The networks are loaded at
    first use.
    """

    name = "jscc"
    exact = False  # noise shows in the mask

    def __init__(self) -> None:
        encoder, decoder = weights.entry(ENCODER), weights.entry(DECODER)
        for entry in (encoder, decoder):
            weights.verify(entry)
        self.networks_id = hashlib.sha256(f"jscc 1 {encoder.sha256} {decoder.sha256}".encode()).digest()[:_ID_BYTES]
        self._stride, self._symbols_a_cell = decoder.whole("stride", 64), decoder.whole("symbols_a_cell", 64)
        trained_db = decoder.meta.get("es_n0_db")
        if not (isinstance(trained_db, list) and len(trained_db) == 2 and trained_db[0] < trained_db[1]):
            raise WeightsError(f"{DECODER}: es_n0_db is {trained_db!r}; the manifest must give [lowest, highest]")
        self._lowest_db, self._highest_db = map(float, trained_db)

    @cached_property
    def _encoder(self) -> Network:
        return load_network(ENCODER, threads=1)

    @cached_property
    def _decoder(self) -> Network:
        return load_network(DECODER, threads=1)

    def symbol_shape(self, shape: tuple[int, int]) -> tuple[int, int, int]:
        """Complex symbols of a mask of [H, W] pixels: C, h, w."""
        return self._symbols_a_cell, -(-shape[0] // self._stride), -(-shape[1] // self._stride)

    def payload_bits(self, frame: Frame) -> int:
        """Bits of a frame that go digitally, checksums and the networks' id included: all but the mask's.

        raises  InputError when the frame's mask is not a bitmap
        """
        return _DIGITAL.payload_bits(self._digital_part(frame)[0])

    def encode(self, frame: Frame) -> NDArray[np.complex64]:
        """Clean symbols of a frame, complex64 [n], E|s|^2 = 1.

        raises  InputError when the frame's mask is not a bitmap, or the frame is too long
        """
        rest, mask = self._digital_part(frame)
        return np.concatenate([_DIGITAL.encode(rest), self._draw(mask)])

    def _digital_part(self, frame: Frame) -> tuple[Frame, BuildingMap]:
        """A frame without its mask, and the mask."""
        try:
            shape = _grid_shape(frame.strong)
            end = bitmap_bytes(shape)
            mask = _BITMAP.decode(frame.weak[:end], shape)
        except FrameError as error:
            raise InputError(
                f"the frame is none that link jscc can send, for it draws the mask itself: {error}; "
                "pack the frame with the codec bitmap"
            ) from None
        return Frame(self.networks_id + frame.strong, frame.weak[end + _SEALED :]), mask

    def _draw(self, mask: BuildingMap) -> NDArray[np.complex64]:
        _, rows, cols = self.symbol_shape((mask.shape[0], mask.shape[1]))
        margins = ((0, rows * self._stride - mask.shape[0]), (0, cols * self._stride - mask.shape[1]))
        (parts,) = self._encoder(mask=np.pad(mask, margins, mode="edge").astype(np.float32)[None, None])
        real, imaginary = np.split(parts[0], 2)
        return np.asarray(real + 1j * imaginary, np.complex64).ravel()

    def decode(self, symbols: NDArray[np.complex64], es_n0_db: float) -> Reception:
        """Parts of the frame in noisy symbols; bits and bit errors are those of the digital burst.

        symbols   complex64 [n], E|s|^2 = 1 before noise
        es_n0_db  Es/N0 in dB, infinite for clean symbols
        raises    ChannelError when the symbols hold no burst, not the whole of one, or one of other networks
        """
        length = _DIGITAL.burst_length(symbols, es_n0_db)
        if length > symbols.size:
            raise ChannelError(f"burst has {symbols.size} symbols; its signal field promises {length} before the mask")
        digital = _DIGITAL.decode(symbols[:length], es_n0_db)
        if digital.strong is None:
            return Reception(None, None, digital.payload_bits, digital.bit_errors, digital.coded_bits)
        networks_id, strong = digital.strong[:_ID_BYTES], digital.strong[_ID_BYTES:]
        if networks_id != self.networks_id:
            raise ChannelError(
                f"burst was drawn by jscc networks {networks_id.hex()}; this receiver holds {self.networks_id.hex()}"
            )
        try:
            shape = _grid_shape(strong)
        except FrameError as error:
            raise ChannelError(f"burst holds no frame that link jscc sends: {error}") from None
        drawn, expected = symbols[length:], math.prod(self.symbol_shape(shape))
        if drawn.size != expected:
            raise ChannelError(
                f"burst has {drawn.size} symbols of a mask; {shape[0]} x {shape[1]} pixels take {expected} over jscc"
            )
        weak = seal(_BITMAP.encode(self._read(drawn, es_n0_db, shape)), strong) + (digital.weak or b"")
        return Reception(strong, weak, digital.payload_bits, digital.bit_errors, digital.coded_bits, digital.weak_whole)

    def _read(self, drawn: NDArray[np.complex64], es_n0_db: float, shape: tuple[int, int]) -> BuildingMap:
        parts = np.concatenate([drawn.real, drawn.imag])
        if np.abs(parts).max() > SATURATION:
            raise ChannelError(f"burst has symbols of the mask beyond {SATURATION:g}; E|s|^2 is 1 before noise")
        channels, rows, cols = self.symbol_shape(shape)
        known_db = np.float32(np.clip(es_n0_db, self._lowest_db, self._highest_db))
        (logits,) = self._decoder(
            symbols=parts.reshape(1, 2 * channels, rows, cols), es_n0_db=np.full((1, 1), known_db, np.float32)
        )
        return np.asarray(logits[0, 0, : shape[0], : shape[1]] > 0)


@lru_cache(maxsize=1)
def _codecs() -> dict[bytes, MaskCodec]:
    """The codecs that a frame over this link may name: its mask's, and that of cars."""
    return {codec.codec_id: codec for codec in (_BITMAP, make_codec("context"))}


def _grid_shape(strong: bytes) -> tuple[int, int]:
    """Rows and columns of the mask whose header this is; FrameError unless it says that the mask is a bitmap."""
    semantics, codec = unpack(strong, None, _codecs())
    if codec != _BITMAP.name:
        raise FrameError(f"its mask has the codec {codec}")
    return semantics.grid.shape


@lru_cache(maxsize=2)
def _link(folder: str, encoder: str, decoder: str) -> JsccLink:
    return JsccLink()


def jscc_link() -> JsccLink:
    """The link of the manifest's networks, whose files are loaded once; WeightsError as `JsccLink`."""
    return _link(str(weights.folder()), weights.entry(ENCODER).sha256, weights.entry(DECODER).sha256)
