"""A trained network and maps to score it on -> which of them show buildings that it saw in training.

Masks are at a metre a pixel (`radiosem.masks.fingerprints.at_a_metre`), whatever the cells of the maps.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from radiosem import weights
from radiosem.errors import InputError, RadiosemError
from radiosem.masks.fingerprints import redrawn, seen_patches
from radiosem.types import BuildingMap
from radiosem_models.training.seen import selection_splits, splits_named

# A map is seen when so many different fingerprints of it are known, and so large a share of its patches.
# Measured against other cities: at most 2 of a tile of `raytraced`, and at most 10, or 8 %, of the rows of small houses
# in `urbanradio3d`. Where a tile of `raytraced` shares half its ground with one other: 6 or more, and 10 % in 51
# of 52 tiles of Munich, San Francisco and Florence; in the suburb, tiles that are hardly built on have too few.
# Walls a pixel thicker or thinner give other ground up to 18 % (`urbanradio3d`, houses grown together), and all 305
# training tiles of `raytraced`, so redrawn, more than 25 %.
FEWEST_PATCHES, LEAST_SHARE, LEAST_SHARE_REDRAWN = 5, 0.10, 0.25
NAMED = 5  # maps that an error names

# What learned and no manifest lists, under a name as a network's, and the split it learned from.
CONSTANTS, CONSTANTS_SPLIT = "the prior law, the regression on the depth map and the tables of context", "3c9efceb"


def training_fingerprints(name: str) -> NDArray[np.uint32]:
    """Fingerprints of every mask that a network of the manifest, or `CONSTANTS`, was trained on, sorted.

    Those of the trainings that it began with are among them.

    raises  InputError when the manifest names no split that it was trained on, or no fingerprints of one that it names
    """
    if name == CONSTANTS:
        return split_fingerprints(name, [CONSTANTS_SPLIT])
    entry = weights.entry(name)
    return split_fingerprints(name, splits_named(entry.data, entry.meta))


def split_fingerprints(name: str, splits: Sequence[str]) -> NDArray[np.uint32]:
    """Fingerprints of the masks of training splits, sorted. Raises InputError as `training_fingerprints` does."""
    listed = weights.entries()
    missing = [split for split in splits if f"seen-{split}" not in listed]
    if missing or not splits:
        raise InputError(
            f"{name} cannot be checked for leaks: the manifest lists no fingerprints of the masks it was trained on "
            f"({', '.join(f'seen-{split}' for split in missing) or 'it names no split'}); export it again, "
            "after what it began with, or allow seen maps"
        )
    files = [np.load(weights.verified_path(f"seen-{split}"))["fingerprints"] for split in splits]
    return np.unique(np.concatenate(files))


def seen_blocks(masks: Mapping[str, BuildingMap], known: NDArray[np.uint32]) -> dict[str, float]:
    """Share of known patches of every block that was seen in training, by id; blocks not seen are left out.

    Of the mask as it is and with walls a pixel thicker and thinner, the reading of which most is known.
    """
    found: dict[str, float] = {}
    for block_id, mask in masks.items():
        for walls, least in ((mask, LEAST_SHARE), *((walls, LEAST_SHARE_REDRAWN) for walls in redrawn(mask))):
            common, patches = seen_patches(walls, known)
            if common >= FEWEST_PATCHES and common >= least * patches:
                share = min(common / patches, 1.0)  # a patch may be known at more than one slip
                found[block_id] = max(share, found.get(block_id, 0.0))
    return found


def seen_or_refused(
    what: str, masks: Mapping[str, BuildingMap], known: Callable[[], NDArray[np.uint32]], allow_seen: bool
) -> dict[str, float] | None:
    """Share of known patches of every block that was seen in training, by id; None where nothing tells what was.

    what    that learned, as an error names it
    known   fingerprints of what it learned from, as `training_fingerprints`
    raises  InputError naming the blocks it saw, or that nothing tells, unless seen ones are allowed
    """
    try:
        seen = seen_blocks(masks, known())
    except RadiosemError:
        if allow_seen:
            return None
        raise
    if seen and not allow_seen:
        raise InputError(_refusal(what, seen, len(masks)))
    return seen


def refuse_seen(networks: Iterable[str], masks: Mapping[str, BuildingMap]) -> None:
    """Raise InputError when a network was trained on buildings of these blocks, or does not say what it saw."""
    for name in networks:
        seen_or_refused(name, masks, partial(training_fingerprints, name), allow_seen=False)


def selected_blocks(name: str, masks: Mapping[str, BuildingMap]) -> set[str] | None:
    """Blocks that show buildings by whose score the weights of a network were selected; None where it does not say."""
    if name == CONSTANTS:
        return set()
    splits = selection_splits(weights.entry(name).meta)
    if not splits or not {f"seen-{split}" for split in splits} <= weights.entries().keys():
        return None
    return {*seen_blocks(masks, split_fingerprints(name, splits))}


def seen_by_any(networks: Iterable[str], masks: Mapping[str, BuildingMap]) -> set[str]:
    """Blocks whose buildings some network saw in training: all of them where one does not say what it saw."""
    seen: set[str] = set()
    for name in networks:
        try:
            seen |= seen_blocks(masks, training_fingerprints(name)).keys()
        except InputError:
            return {*masks}
    return seen


def _refusal(model: str, seen: dict[str, float], blocks: int) -> str:
    """Why a model is not scored, naming the maps it saw."""
    worst = sorted(seen, key=lambda block_id: -seen[block_id])
    named = ", ".join(f"{block_id} ({seen[block_id]:.0%} of its patches)" for block_id in worst[:NAMED])
    more = f" and {len(worst) - NAMED} more" if len(worst) > NAMED else ""
    return (
        f"{model} saw the buildings of {len(seen)} of {blocks} maps in training: {named}{more}. A score of them says "
        "nothing of unseen cities; choose another split, or allow seen maps to have them scored and marked"
    )
