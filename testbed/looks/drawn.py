"""Colours and axes of every figure."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

INK, MUTED, PAPER = "#1b2430", "#5d6875", "#ffffff"
BUILDING, UNKNOWN = "#b9c0c9", "#e9ecef"
PALETTE = (
    *("#0b6e8a", "#d1495b", "#5b8c5a", "#8f5aa8", "#d98324", "#3d5a98", "#a3556f", "#6b7f2a", "#2f9c95", "#7a5c3e"),
    *("#c9b400", "#12a5e8", "#1f1f1f", "#e58bc4", "#8fd14f", "#9aa5b1", "#5e2750", "#f0a08c", "#00603c", "#b4a7f0"),
    *("#8a2be2", "#c2410c", "#155e75", "#a8a29e", "#facc15"),
)
ERROR_LIMIT_DB = 30.0  # either side, of maps of errors


def dress(ax: Axes, title: str, x: str, y: str) -> None:
    """Title, labels and a faint grid; no frame."""
    ax.set_title(title, loc="left", fontsize=13, fontweight="bold", color=INK)
    ax.set_xlabel(x, color=MUTED)
    ax.set_ylabel(y, color=MUTED)
    ax.tick_params(colors=MUTED, which="both")
    ax.grid(True, which="major", color="#e3e7ec", linewidth=0.8)
    ax.set_axisbelow(True)
    for side, spine in ax.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(BUILDING)


def plain_log(axis: Any) -> None:
    """A logarithmic axis with plain numbers at 1, 2 and 5."""
    axis.set_major_locator(LogLocator(10, (1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:.3g}"))
    axis.set_minor_formatter(NullFormatter())
