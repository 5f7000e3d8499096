"""Rows of what learned -> a figure of how its error fell with time."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from testbed.bench.tables.learning import REBUILD
from testbed.bench.tables.rows import Row
from testbed.looks.axes import dress, plain_log
from testbed.looks.colours import INK, PALETTE, PAPER


def draw_learning(rows: Sequence[Row], path: Path) -> Path | None:
    """Draw how those that rebuild maps learned, all on the validation split of most; None where there is no curve."""
    drawn = [row for row in rows if row["learns"] == REBUILD and row["curve"]]
    if not drawn:
        return None
    splits = [row["judged_on"] for row in drawn]
    judged_on = max(splits, key=splits.count)
    curves = {row["model"]: row["curve"] for row in drawn if row["judged_on"] == judged_on}
    figure = Figure(figsize=(11, 6), dpi=110, facecolor=PAPER, layout="constrained")
    ax = figure.subplots()
    for i, (name, curve) in enumerate(sorted(curves.items(), key=lambda item: item[1][-1][2], reverse=True)):
        minutes, errors = [seconds / 60 for seconds, _, _ in curve], [error for *_, error in curve]
        label = f"{name}, {curve[-1][1]:,} images"
        ax.plot(minutes, errors, color=PALETTE[i % len(PALETTE)], marker="o", markersize=3, linewidth=1.6, label=label)
    ax.set_xscale("log")
    ax.set_yscale("log")
    plain_log(ax.xaxis)
    plain_log(ax.yaxis)
    dress(ax, "Learning to rebuild maps", "minutes of training", "MSE of the validation split")
    ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, fontsize=9, labelcolor=INK)
    figure.savefig(path, facecolor=PAPER)
    return path
