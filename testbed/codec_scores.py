"""Mask codec and masks -> bits a map, wrong pixels and milliseconds."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from radiosem.codecs import make_codec
from radiosem.errors import InputError
from radiosem.types import BuildingMap


@dataclass(frozen=True)
class CodecScores:
    """Means over maps; the bits are those of the actual section, without its checksum."""

    codec: str
    maps: int
    mean_bits: float
    wrong_pixel_share: float
    encode_ms: float
    decode_ms: float


def read_masks(folder: Path) -> list[BuildingMap]:
    """Every PNG of a folder as bool [H, W], over 127 = building. raises InputError when none, or one is broken."""
    masks = []
    for path in sorted(folder.glob("*.png")):
        image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        if image is None:
            raise InputError(f"masks has {path.name}, which cannot be read as an image; expected an 8-bit grey PNG")
        masks.append(np.asarray(image > 127))
    if not masks:
        raise InputError(f"masks is {str(folder)!r}, which holds no PNG; give a folder such as png/buildings_complete")
    return masks


def score_codec(
    name: str, masks: Sequence[BuildingMap], report: Callable[[int], None] = lambda done: None
) -> CodecScores:
    """Encode and decode every mask once, after one uncounted round that loads networks and tables.

    raises  InputError on an unknown codec
    """
    codec = make_codec(name)
    codec.decode(codec.encode(masks[0]), masks[0].shape)
    bits, wrong, encode_s, decode_s = [], [], 0.0, 0.0
    for done, mask in enumerate(masks):
        report(done)
        began = time.perf_counter()
        data = codec.encode(mask)
        encoded = time.perf_counter()
        decoded = codec.decode(data, (mask.shape[0], mask.shape[1]))
        decode_s += time.perf_counter() - encoded
        encode_s += encoded - began
        bits.append(8 * len(data))
        wrong.append(float(np.mean(decoded != mask)))
    n = len(masks)
    return CodecScores(name, n, float(np.mean(bits)), float(np.mean(wrong)), 1000 * encode_s / n, 1000 * decode_s / n)
