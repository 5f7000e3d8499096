"""A data set of which a network, and codecs, learned a part."""

import hashlib

import cv2
import numpy as np
import pytest

from radiosem.masks.fingerprints import fingerprints
from radiosem_models.rendering.procedural import procedural_heights
from radiosem_models.training.manifest import list_weights
from testbed.scores.leaks import CONSTANTS_SPLIT


@pytest.fixture
def learned(tmp_path, monkeypatch):
    """A data set of two blocks, the first of which is among the masks that the codecs learned from."""
    data, folder = tmp_path / "data", tmp_path / "weights"
    (data / "png/buildings_complete").mkdir(parents=True)
    masks = [procedural_heights(seed, "perimeter") > 0 for seed in (0, 7)]
    for k, mask in enumerate(masks):
        cv2.imwrite(str(data / f"png/buildings_complete/{k}.png"), mask.astype(np.uint8) * 255)
    folder.mkdir()
    network = {"name": "vqvae-encoder", "file": "none", "sha256": "0" * 64, "bytes": 1}
    about = {"licence": "MIT", "recipe": "", "data": "", "meta": {}}
    list_weights(folder, network | about | {"meta": {"seen_splits": [CONSTANTS_SPLIT]}})
    np.savez(folder / "prints.npz", fingerprints=fingerprints(masks[0]))
    content = (folder / "prints.npz").read_bytes()
    prints = {"name": f"seen-{CONSTANTS_SPLIT}", "file": "prints.npz", "sha256": hashlib.sha256(content).hexdigest()}
    list_weights(folder, prints | about | {"bytes": len(content)})
    monkeypatch.setenv("RADIOSEM_WEIGHTS", str(folder))
    return data
