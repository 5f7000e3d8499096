"""A trained network and maps to score it on -> which of them show buildings that it saw in training."""

import re

import numpy as np
from numpy.typing import NDArray

from radiosem import weights
from radiosem.errors import InputError
from radiosem.fingerprints import seen_share
from radiosem_models.data import Dataset

# A map is seen when at least so many of its patches, and so large a share of them, are known.
# Measured on the 327 tiles of `raytraced`: of a tile, at most 2 patches and 6 % match any tile of all other cities;
# where half its ground is that of one other tile, 6 patches and 8 % or more do, unless that half is hardly built on.
FEWEST_PATCHES, LEAST_SHARE = 4, 0.05
NAMED = 5  # maps that an error names


def training_fingerprints(name: str) -> NDArray[np.uint32]:
    """Fingerprints of every mask that a network of the manifest was trained on, sorted.

    raises  InputError when the manifest names no split that it was trained on, or no fingerprints of one that it names
    """
    splits = re.findall(r"split train ([0-9a-f]{8})", weights.entry(name).data)
    listed = weights.entries()
    missing = [split for split in splits if f"seen-{split}" not in listed]
    if missing or not splits:
        raise InputError(
            f"{name} cannot be checked for leaks: the manifest lists no fingerprints of the masks it was trained on "
            f"({', '.join(f'seen-{split}' for split in missing) or 'it names no split'}); export it again, "
            "or allow seen maps"
        )
    files = [np.load(weights.verified_path(f"seen-{split}"))["fingerprints"] for split in splits]
    return np.unique(np.concatenate(files))


def seen_blocks(dataset: Dataset, block_ids: list[str], known: NDArray[np.uint32]) -> dict[str, float]:
    """Share of known patches of every block that was seen in training; blocks not seen are left out."""
    found = {}
    for block_id in dict.fromkeys(block_ids):
        share, patches = seen_share(dataset.block(block_id).buildings, known)
        if share >= LEAST_SHARE and round(share * patches) >= FEWEST_PATCHES:
            found[block_id] = share
    return found


def refusal(model: str, seen: dict[str, float], blocks: int) -> str:
    """Why a model is not scored, naming the maps it saw."""
    worst = sorted(seen, key=lambda block_id: -seen[block_id])
    named = ", ".join(f"{block_id} ({seen[block_id]:.0%} of its patches)" for block_id in worst[:NAMED])
    more = f" and {len(worst) - NAMED} more" if len(worst) > NAMED else ""
    return (
        f"{model} saw the buildings of {len(seen)} of {blocks} maps in training: {named}{more}. A score of them says "
        "nothing of unseen cities; choose another split, or allow seen maps to have them scored and marked"
    )
