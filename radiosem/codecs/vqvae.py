"""Building mask <-> entropy-coded indices into the codebook of a trained vector-quantised autoencoder."""

import hashlib
import json
from functools import cached_property

import constriction
import numpy as np
from numpy.typing import NDArray

from radiosem import weights
from radiosem.errors import FrameError, InputError, WeightsError
from radiosem.inference import Network, load_network
from radiosem.types import BuildingMap

ENCODER, DECODER = "vqvae-encoder", "vqvae-decoder"
MAX_CODEBOOK = 1 << 16


def _index_counts(meta: dict[str, object], size: int) -> NDArray[np.float64]:
    """How often each index was used in training, plus one; all equal where the manifest does not say."""
    counts = np.asarray(meta.get("index_counts", [0] * size), np.float64)
    if counts.shape != (size,) or not np.isfinite(counts).all() or counts.min() < 0:
        raise WeightsError(f"vqvae-decoder: index_counts must be {size} counts, none negative")
    return counts + 1


class VqVaeCodec:
    """Lossy, learned: encoder network -> indices int64 [h, w] -> range coder with the indices' frequencies in training.

    raises   WeightsError when a network is missing or altered, or the manifest lacks the decoder's `codebook_size` and
             `stride`

    The id covers the decoder and the frequencies: what both ends must agree on. The networks are loaded at first use.
    """

    name = "vqvae"

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
        counts = _index_counts(dict(entry.meta), size)
        self.stride = stride
        self._model = constriction.stream.model.Categorical(counts / counts.sum(), perfect=False)
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
        coder = constriction.stream.queue.RangeEncoder()
        coder.encode(indices.ravel().astype(np.int32), self._model)
        return bytes(coder.get_compressed().astype("<u4"))

    def decode(self, data: bytes, shape: tuple[int, int]) -> BuildingMap:
        """Bytes -> bool [H, W]; FrameError when they do not end with the last index."""
        if len(data) % 4:
            raise FrameError(f"mask section has {len(data)} bytes; indices come in words of 4")
        rows, cols = self._index_shape(shape)
        coder = constriction.stream.queue.RangeDecoder(np.frombuffer(data, "<u4").astype(np.uint32))
        try:
            indices = coder.decode(self._model, rows * cols)
        except (AssertionError, ValueError) as error:
            raise FrameError(f"mask section holds no codebook indices: {error}") from None
        if not coder.maybe_exhausted():
            raise FrameError("mask section goes on after the last index")
        try:
            (logits,) = self._decoder(indices=indices.astype(np.int64).reshape(1, rows, cols))
        except InputError as error:  # a network exported for one size only
            raise FrameError(
                f"the vqvae decoder cannot draw a map of {shape[0]} x {shape[1]} pixels: {error}"
            ) from None
        return np.asarray(logits[0, 0, : shape[0], : shape[1]] > 0)
