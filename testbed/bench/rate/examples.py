"""The few maps that a report draws: kept on disk while a sweep runs, and read when it is written."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from testbed.written import write_whole


@dataclass(frozen=True)
class Drawn:
    """One map of the report.

    truth      uint8 [H, W] grey, 0 in buildings and where censored
    buildings  bool [H, W]
    received   grey of every sender's map in the reference cell, 0 in the received buildings
    """

    truth: NDArray[np.uint8]
    buildings: NDArray[np.bool_]
    received: dict[str, NDArray[np.uint8]]


def keep_drawn(out: Path, scene_id: str, drawn: Drawn) -> None:
    """Keep what the report draws of one map."""
    content = io.BytesIO()
    names = np.array(list(drawn.received))
    greys = np.stack(list(drawn.received.values()))
    np.savez_compressed(content, truth=drawn.truth, buildings=drawn.buildings, names=names, greys=greys)
    (out / "examples").mkdir(exist_ok=True)
    write_whole(out / "examples" / f"{scene_id}.npz", content.getvalue())


def read_drawn(out: Path, scene_id: str) -> Drawn | None:
    """What was kept of one map for the report; None where no sender's map was."""
    path = out / "examples" / f"{scene_id}.npz"
    if not path.is_file():
        return None
    with np.load(path) as kept:
        received = dict(zip(kept["names"].tolist(), kept["greys"], strict=True))
        return Drawn(kept["truth"], kept["buildings"], received)
