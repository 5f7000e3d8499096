"""Building mask <-> entropy-coded indices into the codebook of a trained vector-quantised autoencoder."""

import hashlib
import json
from functools import cached_property

import numpy as np

from radiosem import weights
from radiosem.codecs.symbols import SymbolCoder, trained_counts
from radiosem.errors import FrameError, InputError, WeightsError
from radiosem.inference import Network, load_network
from radiosem.types import BuildingMap

ENCODER, DECODER = "vqvae-encoder", "vqvae-decoder"
MAX_CODEBOOK = 1 << 16


class VqVaeCodec:
    """Lossy, learned: encoder network -> indices int64 [h, w] -> range coder with the indices' frequencies in training.

    raises   WeightsError when a network is missing or altered, or the manifest lacks the decoder's `codebook_size` and
             `stride`

    The id covers the decoder and the frequencies: what both ends must agree on. The networks are loaded at first use.
    """

    name = "vqvae"
    lossless = False

    def __init__(self) -> None:
        weights.verified_path(ENCODER)
        entry = weights.entry(DECODER)
        weights.verify(entry)
        size, stride = entry.meta.get("codebook_size"), entry.meta.get("stride")
        if not (isinstance(size, int) and 2 <= size <= MAX_CODEBOOK and isinstance(stride, int) and 1 <= stride <= 32):
            raise WeightsError(
                f"vqvae-decoder: codebook_size is {size!r} and stride {stride!r}; "
                f"the manifest must give 2..{MAX_CODEBOOK} and 1..32"
            )
        counts = trained_counts(entry, "index_counts", (size,))
        self.stride = stride
        self._coder = SymbolCoder(counts[None])
        content = json.dumps(["vqvae 1", entry.sha256, stride, counts.tolist()])
        self.codec_id = hashlib.sha256(content.encode()).digest()[:4]

    @cached_property
    def _encoder(self) -> Network:
        return load_network(ENCODER)

    @cached_property
    def _decoder(self) -> Network:
        return load_network(DECODER)

    def _index_shape(self, shape: tuple[int, int]) -> tuple[int, int]:
        return -(-shape[0] // self.stride), -(-shape[1] // self.stride)

    def encode(self, mask: BuildingMap) -> bytes:
        """Bool [H, W] -> bytes; sides that the stride does not divide are extended by their last row or column."""
        rows, cols = self._index_shape(mask.shape)
        margins = ((0, rows * self.stride - mask.shape[0]), (0, cols * self.stride - mask.shape[1]))
        (indices,) = self._encoder(mask=np.pad(mask, margins, mode="edge").astype(np.float32)[None, None])
        return self._coder.encode(indices.reshape(1, -1))

    def decode(self, data: bytes, shape: tuple[int, int]) -> BuildingMap:
        """Bytes -> bool [H, W]; FrameError when they do not end with the last index."""
        rows, cols = self._index_shape(shape)
        indices = self._coder.decode(data, rows * cols)
        try:
            (logits,) = self._decoder(indices=indices.reshape(1, rows, cols))
        except InputError as error:  # a network exported for one size only
            raise FrameError(
                f"the vqvae decoder cannot draw a map of {shape[0]} x {shape[1]} pixels: {error}"
            ) from None
        return np.asarray(logits[0, 0, : shape[0], : shape[1]] > 0)
