"""Rows of what learned -> a figure of how its error fell with time."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from radiosem_models.training.manifest import judged_alike
from testbed.bench.tables.learning import REBUILD, SEND
from testbed.bench.tables.rows import Row
from testbed.looks.axes import dress, plain_log
from testbed.looks.colours import INK, PALETTE, PAPER

ACROSS = {REBUILD: "minutes of training", SEND: "images seen in training"}


def draw_learning(rows: Sequence[Row], path: Path) -> Path | None:
    """Draw how those that rebuild maps learned, by minutes, and those that send true ones, by images.

    All are judged on the validation split of most. None where there is no curve.
    """
    drawn = [row for row in rows if row["learns"] in ACROSS and row["curve"]]
    if not drawn:
        return None
    most = max(([row for row in drawn if row is one or judged_alike(row, one)] for one in drawn), key=len)
    drawn = sorted(most, key=lambda row: -row["curve"][-1][2])
    panels = [learns for learns in ACROSS if any(row["learns"] == learns for row in drawn)]
    figure = Figure(figsize=(11, 5 * len(panels)), dpi=110, facecolor=PAPER, layout="constrained")
    for learns, ax in zip(panels, figure.subplots(len(panels), squeeze=False).flat, strict=True):
        for i, row in enumerate(row for row in drawn if row["learns"] == learns):
            seconds, images, errors = (np.array(values) for values in zip(*row["curve"], strict=True))
            across = seconds / 60 if learns == REBUILD else images
            label = f"{row['model']}, {images[-1]:,} images in {seconds[-1] / 60:.0f} minutes"
            colour = PALETTE[i % len(PALETTE)]
            ax.plot(across, errors, color=colour, marker="o", markersize=3, linewidth=1.6, label=label)
        ax.set_xscale("log")
        ax.set_yscale("log")
        plain_log(ax.xaxis)
        plain_log(ax.yaxis)
        dress(ax, f"Learning {learns}", ACROSS[learns], "MSE of the validation split")
        ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, fontsize=9, labelcolor=INK)
    figure.savefig(path, facecolor=PAPER)
    return path
