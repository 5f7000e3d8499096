"""A data set without dataset.json -> one with it: which blocks train, which select, which test."""

import hashlib
import json
from pathlib import Path

from radiosem.errors import InputError
from radiosem_models.data import Dataset
from testbed.written import write_whole


def split_dataset(data: Path, val: float, test: float, seed: int = 0) -> dict[str, int]:
    """Write dataset.json with a split of the blocks, drawn by the SHA-256 of seed and id, and RadioMapSeer's scale.

    Blocks are taken as cities of their own: the masks must not overlap, and those of one city may be alike.

    data       folder in RadioMapSeer's layout, without dataset.json
    val, test  shares of the blocks; training takes the rest
    returns    blocks by split
    raises     InputError when there is a dataset.json, or a share leaves a split without a block
    """
    dataset, path = Dataset(data), data / "dataset.json"
    if path.exists():
        raise InputError(f"{path} is there already and may name a split; move it away to draw another")
    for name, share in (("val", val), ("test", test)):
        if not 0 < share < 1:
            raise InputError(f"{name} is {share}; it must be a share of the blocks, more than 0 and less than 1")
    drawn = sorted(dataset.block_ids, key=lambda block: hashlib.sha256(f"{seed}/{block}".encode()).hexdigest())
    counts = {"test": round(test * len(drawn)), "val": round(val * len(drawn))}
    counts["train"] = len(drawn) - sum(counts.values())
    for name, count in counts.items():
        if count < 1:
            raise InputError(
                f"val is {val:g} and test is {test:g}, which leave {name} {count} of {len(drawn)} blocks; "
                "each needs one or more"
            )
    names = [name for name, count in counts.items() for _ in range(count)]
    scale = dataset.scale
    about = {
        "floor_db": scale.floor_db,
        "top_db": scale.top_db,
        "tiles": {block: {"city": block, "split": name} for block, name in sorted(zip(drawn, names, strict=True))},
    }
    write_whole(path, json.dumps(about, indent=1).encode() + b"\n")
    return counts
