"""Mask codec and masks -> bits a map, wrong pixels and milliseconds."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from radiosem.codecs import make_codec
from radiosem.errors import InputError
from radiosem.images import read_grey
from radiosem.masks.fingerprints import at_a_metre
from radiosem.types import BuildingMap
from testbed.pack import PackEntry, open_pack
from testbed.scores.leaks import CONSTANTS, seen_or_refused, training_fingerprints


@dataclass(frozen=True)
class CodecScores:
    """Means over maps; the bits are those of the actual section, without its checksum.

    seen_maps  how many of the maps show buildings that the codec learned from; None where that is not known
    """

    codec: str
    maps: int
    mean_bits: float
    wrong_pixel_share: float
    encode_ms: float
    decode_ms: float
    seen_maps: int | None = None


def read_masks(folder: Path) -> dict[str, BuildingMap]:
    """PNGs of a folder by name, bool [H, W], over 127 = building. raises InputError when none, or one is broken."""
    if not folder.is_dir():
        raise InputError(f"masks is {str(folder)!r}, which is no folder; give one such as png/buildings_complete")
    masks = {}
    for path in sorted(folder.glob("*.png")):
        masks[path.stem] = read_grey(path) > 127
    if not masks:
        raise InputError(f"masks is {str(folder)!r}, which holds no PNG; give a folder such as png/buildings_complete")
    return masks


def masks_of_pack(folder: Path) -> tuple[dict[str, BuildingMap], dict[str, BuildingMap]]:
    """True masks of a pack by the first observation of each, and the same at a metre a pixel.

    A block may be sent more than once.
    """
    first: dict[bytes, tuple[PackEntry, BuildingMap]] = {}
    for entry in open_pack(folder):
        mask = entry.truth().buildings
        first.setdefault(mask.tobytes(), (entry, mask))
    masks = {entry.id: mask for entry, mask in first.values()}
    return masks, {entry.id: at_a_metre(mask, entry.grid.cell_size_m) for entry, mask in first.values()}


def count_seen(codec: str, masks: Mapping[str, BuildingMap], allow_seen: bool = False) -> int | None:
    """How many masks, by name, show buildings that a codec learned from; with `allow_seen` None where none can tell.

    masks   at a metre a pixel

    raises  InputError naming the masks it learned from, or when that cannot be told, unless seen ones are allowed
    """
    learned = {"context": CONSTANTS, "vqvae": "vqvae-encoder"}
    if codec not in learned:
        return 0
    seen = seen_or_refused(f"codec {codec}", masks, lambda: training_fingerprints(learned[codec]), allow_seen)
    return None if seen is None else len(seen)


def score_codec(
    name: str,
    masks: Sequence[BuildingMap],
    report: Callable[[int, int], None] = lambda done, of: None,
    seen_maps: int | None = None,
) -> CodecScores:
    """Encode and decode every mask once, after one uncounted round that loads networks and tables.

    seen_maps  of the masks, see `count_seen`
    raises  InputError on an unknown codec
    """
    codec = make_codec(name)
    codec.decode(codec.encode(masks[0]), masks[0].shape)
    bits, wrong, encode_s, decode_s = [], [], 0.0, 0.0
    for done, mask in enumerate(masks):
        report(done, len(masks))
        began = time.perf_counter()
        data = codec.encode(mask)
        encoded = time.perf_counter()
        decoded = codec.decode(data, (mask.shape[0], mask.shape[1]))
        decode_s += time.perf_counter() - encoded
        encode_s += encoded - began
        bits.append(8 * len(data))
        wrong.append(float(np.mean(decoded != mask)))
    n = len(masks)
    means = float(np.mean(bits)), float(np.mean(wrong)), 1000 * encode_s / n, 1000 * decode_s / n
    return CodecScores(name, n, *means, seen_maps)
