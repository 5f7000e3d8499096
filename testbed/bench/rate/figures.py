"""Aggregated cells -> figures: error against rate with the Pareto front, error against Es/N0, and error maps."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from radiosem.scale import Scale
from testbed.bench.rate.aggregate import Reference, at, whole
from testbed.bench.rate.cells import LEARNED_LINK
from testbed.bench.rate.examples import Drawn
from testbed.bench.rate.senders import LOSSLESS, MAP
from testbed.looks.axes import dress, plain_log
from testbed.looks.colours import BUILDING, ERROR_LIMIT_DB, INK, MUTED, PALETTE, PAPER, UNKNOWN

MARKERS = "os^Dv<>PX*hp"
RATES = {
    "channel_uses": "channel uses (complex symbols) a map",
    "payload_bits": "payload bits a map, before channel coding",
}
ACROSS = 6  # error maps beside each other, so that a page need not shrink them
NO_ERROR = 1e-4  # where a map with next to no error stands on a logarithmic axis


def styles(cells: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Family -> colour, the same in every figure."""
    families = dict.fromkeys(cell["family"] for cell in cells)
    return {family: PALETTE[i % len(PALETTE)] for i, family in enumerate(families)}


def draw_rate(summary: dict[str, Any], rate: str, path: Path) -> None:
    """Error against rate at the reference Es/N0, one point a sender and link, with the Pareto fronts.

    Filled: what an edge can send. Hollow: senders that are given the true map.
    """
    chosen = Reference(**summary["reference"])
    link = None if rate == "channel_uses" else chosen.link
    cells = [cell for cell in at(summary["cells"], chosen.es_n0_db, link) if cell[rate] is not None]
    colours, links = styles(summary["cells"]), list(dict.fromkeys(cell["link"] for cell in cells))
    figure = Figure(figsize=(11, 6.4), dpi=110, facecolor=PAPER, layout="constrained")
    ax = figure.subplots()
    for cell in cells:
        colour = colours[cell["family"]]
        ax.plot(
            cell[rate],
            max(cell["mse"], NO_ERROR),
            marker=MARKERS[links.index(cell["link"]) % len(MARKERS)],
            color="none" if cell["kind"] == MAP else colour,
            markeredgecolor=colour,
            markeredgewidth=1.4,
            markersize=7.5,
            linestyle="none",
            alpha=1 if whole(cell) else 0.35,
        )
    for name, dashes in ((rate, "-"), (f"{rate}_with_true_maps", ":")):
        front = summary["fronts"][name]
        x, y = [point[rate] for point in front], [max(point["mse"], NO_ERROR) for point in front]
        ax.step(x, y, where="post", color=INK, linewidth=1.2, linestyle=dashes, zorder=1)
    ax.set_xscale("log")
    ax.set_yscale("log")
    plain_log(ax.xaxis)
    plain_log(ax.yaxis)
    where = "every link" if link is None else link
    dress(
        ax,
        f"Error against rate at Es/N0 = {chosen.es_n0_db:g} dB, {where}",
        RATES[rate],
        f"MSE, all pixels; less than {NO_ERROR:g} stands there",
    )
    _legend(ax, colours, cells, links if link is None else [])
    figure.savefig(path, facecolor=PAPER)


def _legend(ax: Axes, colours: dict[str, str], cells: Sequence[dict[str, Any]], links: Sequence[str]) -> None:
    given = {cell["family"]: cell["kind"] == MAP for cell in cells}
    for family, hollow in given.items():
        label = f"{family}, true map given" if hollow else family
        colour = colours[family]
        ax.plot([], [], "s", color="none" if hollow else colour, markeredgecolor=colour, label=label)
    ax.plot([], [], "-", color=INK, label="front of what an edge can send")
    if any(given.values()):
        ax.plot([], [], ":", color=INK, label="front with true maps")
    for i, link in enumerate(links):
        ax.plot([], [], MARKERS[i % len(MARKERS)], color=MUTED, label=link)
    if not all(map(whole, cells)):
        ax.plot([], [], "s", color=MUTED, alpha=0.35, label="pale: maps lost in whole or part, or left out")
    ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, fontsize=9, labelcolor=INK)


def draw_noise(summary: dict[str, Any], path: Path) -> None:
    """Error against Es/N0: the reference sender over every link, and one sender a family over the reference link.

    Over the learned link it is the sender whose mask that link draws, with the same readings.
    """
    chosen, cells = Reference(**summary["reference"]), summary["cells"]
    figure = Figure(figsize=(17, 5.8), dpi=110, facecolor=PAPER, layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    drawn = chosen.sender.replace(LOSSLESS, "bitmap")  # the same, where the learned link draws the mask
    ours = [cell for cell in cells if cell["sender"] == (drawn if cell["link"] == LEARNED_LINK else chosen.sender)]
    for i, link in enumerate(dict.fromkeys(cell["link"] for cell in ours)):
        curve = [cell for cell in ours if cell["link"] == link]
        _curve(left, curve, PALETTE[i % len(PALETTE)], f"{link}, {curve[0]['channel_uses']:,.0f} uses", MARKERS[i])
    dress(left, f"{chosen.sender} over every link", "Es/N0, dB", "MSE, all pixels")
    colours = styles(cells)
    for i, cell in enumerate(_one_a_family(at(cells, chosen.es_n0_db, chosen.link))):
        curve = [c for c in cells if (c["sender"], c["link"]) == (cell["sender"], cell["link"])]
        label = f"{cell['sender']}, {cell['channel_uses']:,.0f} uses"
        _curve(right, curve, colours[cell["family"]], label, MARKERS[i % len(MARKERS)])
    dress(right, f"One sender a family over {chosen.link}", "Es/N0, dB", "")
    for ax in (left, right):
        ax.set_yscale("log")
        plain_log(ax.yaxis)
    left.legend(frameon=False, fontsize=8.5, labelcolor=INK)
    right.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, fontsize=8.5, labelcolor=INK)
    figure.savefig(path, facecolor=PAPER)


def _curve(ax: Axes, curve: Sequence[dict[str, Any]], colour: str, label: str, marker: str) -> None:
    snr_db, errors = [cell["es_n0_db"] for cell in curve], [max(cell["mse"], NO_ERROR) for cell in curve]
    ax.plot(snr_db, errors, marker=marker, color=colour, label=label, markersize=5, linewidth=1.4)
    known = [cell["mse_interval"] for cell in curve if cell["mse_interval"]["low"] is not None]
    if len(known) == len(curve):
        low, high = ([max(interval[key], NO_ERROR) for interval in known] for key in ("low", "high"))
        ax.fill_between(snr_db, low, high, color=colour, alpha=0.1, linewidth=0)


def _one_a_family(cells: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of each family the sender that needs the fewest channel uses for an error within a tenth of its best."""
    chosen = []
    for family in dict.fromkeys(cell["family"] for cell in cells):
        mine = [cell for cell in cells if cell["family"] == family]
        best = min(cell["mse"] for cell in mine)
        good = [cell for cell in mine if cell["mse"] <= 1.1 * best]
        chosen.append(min(good, key=lambda cell: cell["channel_uses"]))
    return chosen


def draw_errors(name: str, drawn: Drawn, summary: dict[str, Any], path: Path) -> None:
    """Truth of one map, and what each family makes of it: received map and its error in dB."""
    chosen = Reference(**summary["reference"])
    scale = Scale("of the data", **summary["audit"]["scale"])
    picked = [
        cell
        for cell in _one_a_family(at(summary["cells"], chosen.es_n0_db, chosen.link))
        if cell["mse"] > NO_ERROR and cell["sender"] in drawn.received
    ]
    across = min(len(picked) + 1, ACROSS)
    bands = -(-(len(picked) + 1) // across)
    figure = Figure(figsize=(2.9 * across + 1, 6.1 * bands), dpi=90, facecolor=PAPER, layout="constrained")
    axes = figure.subplots(2 * bands, across, squeeze=False)
    places = [(axes[2 * band, column], axes[2 * band + 1, column]) for band in range(bands) for column in range(across)]
    truth = np.where(drawn.buildings, np.nan, scale.gain_db(drawn.truth / 255))
    top_db = 5 * np.ceil(np.nanpercentile(truth, 99.7) / 5)
    levels = {"cmap": "inferno", "vmin": scale.floor_db, "vmax": top_db}
    bars = [(_image(places[0][0], truth, f"map {name}: truth", **levels), "path gain, dB")]
    known = (drawn.truth > 0) & ~drawn.buildings
    _image(places[0][1], np.where(known, 1.0, 0.0), "white: truth above the floor", cmap="gray", vmin=-1, vmax=1)
    for cell, (above, below) in zip(picked, places[1:], strict=False):
        received = scale.gain_db(drawn.received[cell["sender"]] / 255)
        title = f"{cell['sender']}\n{cell['channel_uses']:,.0f} uses, mean MSE {cell['mse']:.4f}"
        _image(above, received, title, **levels)
        error = np.where(known, received - truth, np.nan)
        below.imshow(np.where(drawn.buildings, 1, 0), cmap=ListedColormap([UNKNOWN, BUILDING]), vmin=0, vmax=1)
        rmse_db = float(np.sqrt(np.nanmean(error**2))) if known.any() else float("nan")
        limits = {"cmap": "RdBu_r", "vmin": -ERROR_LIMIT_DB, "vmax": ERROR_LIMIT_DB}
        bars[1:] = [(_image(below, error, f"error here {rmse_db:.1f} dB RMSE", **limits), "received − truth, dB")]
    for above, below in places[len(picked) + 1 :]:
        above.set_axis_off()
        below.set_axis_off()
    for shown, label in bars:
        bar = figure.colorbar(shown, ax=axes, fraction=0.02, pad=0.01, extend="both", shrink=1 / bands, anchor=(0, 1))
        bar.set_label(label, color=MUTED, fontsize=9)
        bar.ax.tick_params(colors=MUTED, labelsize=8)
    figure.savefig(path, facecolor=PAPER)


def _image(ax: Axes, image: Any, title: str, **options: Any) -> Any:
    ax.set_title(title, fontsize=9.5, loc="left", color=INK)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.set_facecolor(BUILDING)
    return ax.imshow(np.ma.masked_invalid(image), interpolation="nearest", **options)
