"""The masks of a training split -> a file of fingerprints beside the weights, by which a leak is recognised later."""

import hashlib
import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from radiosem.masks.fingerprints import fingerprints
from radiosem_models.data import Dataset
from radiosem_models.training.manifest import list_weights, listed

SEEN, SELECTED = "seen_splits", "selected_splits"  # keys of a manifest entry's meta


def split_name(dataset: Dataset, split: str = "train") -> str:
    """First 8 digits of a split's hash, by which its fingerprints are called."""
    return dataset.split_hash(split)[:8]


def splits_named(data: str, meta: Mapping[str, Any]) -> list[str]:
    """Names of the splits that a network was trained on, those it began with included; none where none are told.

    data, meta  of its manifest entry; an older one tells the last split alone, in the text of `data`
    """
    return list(meta[SEEN]) if SEEN in meta else re.findall(r"split train ([0-9a-f]{8})", data)


def selection_splits(meta: Mapping[str, Any]) -> list[str]:
    """Names of the splits by which a network's weights were selected, those it began with included.

    meta  of its manifest entry, or a checkpoint; an older one tells the last split alone, as judged_on
    """
    judged_on = meta.get("judged_on")
    return list(meta.get(SELECTED, [str(judged_on)[:8]] if judged_on else []))


def export_seen(dataset: Dataset, folder: Path, split: str = "train") -> Path:
    """Write seen-HASH.npz for a split, unless it is there, and list it in the manifest.

    HASH is the first 8 digits of the split's, so that all networks trained on one split share one file; `seen_splits`
    of each in the manifest names it.
    """
    path = folder / f"seen-{split_name(dataset, split)}.npz"
    entry_there = next((entry for entry in listed(folder) if entry["name"] == path.stem), None)
    # An older file without pixel_m is of the data's own cells: right only where these are a metre.
    if path.is_file() and entry_there and (dataset.cell_size_m == 1 or "pixel_m" in entry_there["meta"]):
        return path
    masks = dataset.masks_at_a_metre(dataset.blocks_in(split))
    prints = np.unique(np.concatenate([fingerprints(mask) for mask in masks.values()]))
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
        "data": f"{dataset.name}, split {split} {dataset.split_hash(split)[:16]}",
        "metrics": {},
        "meta": {"maps": len(dataset.blocks_in(split)), "fingerprints": len(prints), "pixel_m": 1.0},
    }
    folder.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".tmp")
    fresh.write_bytes(content)
    list_weights(folder, entry, fresh)
    return path
