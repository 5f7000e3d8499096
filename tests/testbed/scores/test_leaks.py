"""Buildings that were seen in training are recognised, however they were drawn."""

import numpy as np
import pytest

from radiosem.masks.fingerprints import fingerprints, redrawn
from radiosem.weights import entry
from radiosem_models.data import Dataset
from testbed.bench.rate.scenes import PackSource
from testbed.pack import SAMPLE_PACK
from testbed.scores import leaks
from testbed.scores.leaks import CONSTANTS_SPLIT, seen_blocks


def test_no_more_than_every_patch_of_a_mask_is_known(learned, monkeypatch):
    monkeypatch.setattr("testbed.scores.leaks.seen_patches", lambda mask, known: (8, 6))  # some at more than one slip
    assert seen_blocks(Dataset(learned).masks(["0"]), np.zeros(0, np.uint32)) == {"0": 1.0}


def test_the_split_behind_the_tables_of_context_is_listed():
    assert entry(f"seen-{CONSTANTS_SPLIT}").meta["maps"] == 305


@pytest.mark.parametrize("way", [0, 1])
def test_seen_masks_drawn_by_another_rasteriser_are_still_seen(way: int) -> None:
    masks = {scene_id: PackSource(SAMPLE_PACK).scene(scene_id).buildings for scene_id in PackSource(SAMPLE_PACK).ids()}
    others = {scene_id: redrawn(mask)[way] for scene_id, mask in masks.items()}
    known = np.unique(np.concatenate([fingerprints(mask) for mask in masks.values()]))
    assert leaks.seen_blocks(others, known).keys() == masks.keys()
