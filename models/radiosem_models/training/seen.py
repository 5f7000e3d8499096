"""The masks of a training split -> a file of fingerprints beside the weights, by which a leak is recognised later."""

import hashlib
import io
import os
from pathlib import Path
from typing import Any

import numpy as np

from radiosem.fingerprints import fingerprints
from radiosem_models.data import Dataset
from radiosem_models.training.export import list_weights


def export_seen(dataset: Dataset, folder: Path, split: str = "train") -> Path:
    """Write seen-HASH.npz for a split, unless it is there, and list it in the manifest.

    HASH is the first 8 digits of the split's, so that all networks trained on one split share one file; the manifest's
    `data` of each names it.
    """
    digest = dataset.split_hash(split)
    path = folder / f"seen-{digest[:8]}.npz"
    if path.is_file():
        return path
    prints = np.unique(np.concatenate([fingerprints(dataset.block(b).buildings) for b in dataset.blocks_in(split)]))
    buffer = io.BytesIO()
    np.savez_compressed(buffer, fingerprints=prints)
    content = buffer.getvalue()
    origin = dataset.about.get("geometry") or dataset.about.get("source") or "the data set"
    entry: dict[str, Any] = {
        "name": path.stem,
        "file": path.name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "licence": f"MIT; derived from {origin}",
        "recipe": "radiosem_models.training.seen",
        "data": f"{dataset.root.name}, split {split} {digest[:16]}",
        "metrics": {},
        "meta": {"maps": len(dataset.blocks_in(split)), "fingerprints": len(prints)},
    }
    folder.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".tmp")
    fresh.write_bytes(content)
    os.replace(fresh, path)
    list_weights(folder, entry)
    return path
