"""One observation that crossed the air -> a PNG panel: what was seen, sent, true, rebuilt, and wrong."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Patch
from numpy.typing import NDArray

from testbed.demo.arrival import Arrival
from testbed.looks.colours import BUILDING, ERROR_LIMIT_DB, INK, MUTED, OUTDOORS, PAPER, TRANSMITTER, UNKNOWN, WALLS

MISSING, INVENTED, SENT = "#d1495b", "#edae49", "#12a5e8"
COVERED, OUT, FALSE_OUTAGE, MISSED_OUTAGE = "#8fd0c6", "#22304a", "#edae49", "#d1495b"


def draw_panel(arrival: Arrival, threshold_dbm: float, path: Path) -> None:
    """Draw eight fields of one map, north up, metres on the axes, into a PNG of 1,800 x 920 pixels."""
    figure = Figure(figsize=(18, 9.2), dpi=100, facecolor=PAPER)
    axes = figure.subplots(2, 4, gridspec_kw={"wspace": 0.42, "hspace": 0.26})
    figure.subplots_adjust(left=0.035, right=0.915, top=0.865, bottom=0.075)
    _head(figure, arrival)
    _landscape(axes[0, 0], arrival)
    _mask(axes[0, 1], arrival)
    _depth(axes[0, 2], arrival)
    _facts(axes[0, 3], arrival, threshold_dbm)
    truth_dbm, rebuilt_dbm = arrival.truth.power_dbm, arrival.received.map_dbm
    floor_dbm = arrival.entry.floor_dbm()
    top_dbm = 5 * np.ceil(np.nanpercentile(truth_dbm, 99.7) / 5)
    for ax, power_dbm, title in (
        (axes[1, 0], truth_dbm, "Truth (ray traced)"),
        (axes[1, 1], rebuilt_dbm, "Rebuilt at the receiver"),
    ):
        power = np.ma.masked_invalid(power_dbm)
        caption = f"received power; black: at most {floor_dbm:g} dBm"
        image = _show(ax, arrival, power, title, caption, cmap="inferno", vmin=floor_dbm, vmax=top_dbm)
        ax.set_facecolor(BUILDING)
        _bar(ax, image, "dBm", extend="min")
        _mark_transmitters(ax, arrival)
    _error(axes[1, 2], arrival)
    _outage(axes[1, 3], arrival, threshold_dbm)
    figure.savefig(path, format="png", facecolor=PAPER, pil_kwargs={"compress_level": 5})


def _show(ax: Axes, arrival: Arrival, image: Any, title: str, caption: str = "", **options: Any) -> AxesImage:
    """Place an image with row 0 in the north and metres from the north-west corner on both axes."""
    grid = arrival.entry.grid
    width_m, height_m = grid.cols * grid.cell_size_m, grid.rows * grid.cell_size_m
    ax.set_title(title, fontsize=13, color=INK, loc="left", fontweight="bold")
    ax.set_xticks(np.linspace(0, width_m, 3))
    ax.set_yticks(np.linspace(0, height_m, 3))
    ax.tick_params(colors=MUTED, labelsize=8.5, length=3)
    ax.set_xlabel(caption, fontsize=9, color=MUTED, labelpad=4, loc="left")
    for spine in ax.spines.values():
        spine.set_color(BUILDING)
    return ax.imshow(image, extent=(0, width_m, height_m, 0), interpolation="nearest", **options)


def _bar(ax: Axes, image: AxesImage, label: str, **options: Any) -> None:
    bar = ax.figure.colorbar(image, cax=ax.inset_axes((1.03, 0, 0.045, 1)), **options)
    bar.set_label(label, fontsize=9, color=MUTED)
    bar.ax.tick_params(colors=MUTED, labelsize=8.5, length=3)
    bar.outline.set_visible(False)


def _key(ax: Axes, entries: list[tuple[str, str]]) -> None:
    handles = [Patch(facecolor=colour, label=text, edgecolor=MUTED, linewidth=0.4) for colour, text in entries]
    ax.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(1.0, 1.02),
        fontsize=9,
        frameon=False,
        labelcolor=INK,
        handlelength=1,
        handleheight=1,
        handletextpad=0.5,
    )


def _mark_transmitters(ax: Axes, arrival: Arrival) -> None:
    cell_m = arrival.entry.grid.cell_size_m
    for transmitter in arrival.entry.transmitters():
        place = ((transmitter.col + 0.5) * cell_m, (transmitter.row + 0.5) * cell_m)
        ax.plot(*place, marker="^", markersize=11, color=TRANSMITTER, markeredgecolor="white", markeredgewidth=1.5)


def _head(figure: Figure, arrival: Arrival) -> None:
    row = arrival.row()
    figure.text(0.035, 0.953, arrival.entry.id, fontsize=21, fontweight="bold", color=INK)
    figure.text(0.035, 0.921, arrival.entry.title, fontsize=12.5, color=MUTED)
    lost = f"{' and '.join(row['lost'])} lost on the air" if row["lost"] else "complete"
    state = f"{lost}: path-loss map" if row["degraded"] else lost
    figure.text(
        0.975,
        0.953,
        f"{row['payload_bits']:,} bits over {row['channel_uses']:,} channel uses",
        fontsize=15,
        ha="right",
        color=INK,
        fontweight="bold",
    )
    figure.text(
        0.975,
        0.921,
        f"{row['codec']} mask code, {row['link']}, Es/N0 = {row['snr_db']:g} dB; {state}",
        fontsize=12.5,
        ha="right",
        color=MUTED,
    )


def _landscape(ax: Axes, arrival: Arrival) -> None:
    image = cv2.imread(str(arrival.entry.image), cv2.IMREAD_COLOR)
    assert image is not None  # the edge has decoded the same file
    _show(ax, arrival, image[:, :, ::-1], "Landscape and power samples", "what the edge has; north up, axes in metres")
    samples, cell_m = arrival.entry.samples(), arrival.entry.grid.cell_size_m
    heard = samples.power_dbm > arrival.entry.floor_dbm()
    colours = np.where(heard, np.array(["#ffffff", "#ffe066", "#74f2ce"])[samples.transmitter % 3], INK)
    x, y = (samples.col + 0.5) * cell_m, (samples.row + 0.5) * cell_m
    ax.scatter(x, y, s=5, c=colours, edgecolors="black", linewidths=0.3)
    _mark_transmitters(ax, arrival)
    sent = len(arrival.received.readings)
    told = f"▲ transmitter\n• reading ({len(samples)})\n   dark: silent\n   sent: {sent}"
    ax.text(1.03, 0.97, told, transform=ax.transAxes, va="top", fontsize=9, color=INK)


def _categories(
    ax: Axes, arrival: Arrival, classes: NDArray[np.int64], title: str, caption: str, key: list[tuple[str, str]]
) -> None:
    colours = ListedColormap([colour for colour, _ in key])
    _show(ax, arrival, classes, title, caption, cmap=colours, vmin=-0.5, vmax=len(key) - 0.5)
    _key(ax, key)


def _mask(ax: Axes, arrival: Arrival) -> None:
    true, got = arrival.truth.buildings, arrival.received.buildings
    classes = np.select([true & got, true & ~got, ~true & got], [1, 2, 3], 0)
    key = [(OUTDOORS, "outdoors"), (WALLS, "building"), (MISSING, "missing"), (INVENTED, "invented")]
    caption = f"{arrival.scores.wrong_building_share:.1%} of the cells differ from the true footprints"
    _categories(ax, arrival, classes, "Mask and readings, as received", caption, key)
    places = np.array([(reading["col"], reading["row"]) for reading in arrival.received.readings]).reshape(-1, 2)
    x, y = (places.T + 0.5) * arrival.entry.grid.cell_size_m
    ax.scatter(x, y, s=5, c=SENT, linewidths=0)
    _mark_transmitters(ax, arrival)


def _depth(ax: Axes, arrival: Arrival) -> None:
    caption = "path-loss law x free share of the sight line"
    image = _show(ax, arrival, arrival.received.depth, "Radio depth map", caption, cmap="cividis", vmin=0, vmax=1)
    _bar(ax, image, "share of the maximum")
    _mark_transmitters(ax, arrival)


def _error(ax: Axes, arrival: Arrival) -> None:
    truth, floor_dbm = arrival.truth, arrival.entry.floor_dbm()
    error_db = np.fmax(arrival.received.map_dbm, floor_dbm) - truth.power_dbm
    known = ~truth.buildings & ~truth.censored
    _show(ax, arrival, np.where(truth.buildings, 1, 0), "", cmap=ListedColormap([UNKNOWN, BUILDING]), vmin=0, vmax=1)
    image = _show(
        ax,
        arrival,
        np.ma.masked_where(~known, error_db),
        "Error: rebuilt − truth",
        "pale grey: truth below the floor, so not known",
        cmap="RdBu_r",
        vmin=-ERROR_LIMIT_DB,
        vmax=ERROR_LIMIT_DB,
    )
    _bar(ax, image, "dB", extend="both")
    _mark_transmitters(ax, arrival)


def _outage(ax: Axes, arrival: Arrival, threshold_dbm: float) -> None:
    truth = arrival.truth
    out = (truth.power_dbm < threshold_dbm) | truth.censored
    said = arrival.received.outage | arrival.received.buildings
    classes = np.select([truth.buildings, out & said, ~out & ~said, ~out & said], [4, 1, 0, 2], 3)
    key = [
        (COVERED, "coverage"),
        (OUT, "outage"),
        (FALSE_OUTAGE, "false alarm"),
        (MISSED_OUTAGE, "missed"),
        (BUILDING, "building"),
    ]
    _categories(
        ax, arrival, classes, f"Outage below {threshold_dbm:g} dBm", "the receiver's outage map against the truth", key
    )
    _mark_transmitters(ax, arrival)


def _facts(ax: Axes, arrival: Arrival, threshold_dbm: float) -> None:
    ax.axis("off")
    row = arrival.row()

    def figure(key: str, template: str) -> str:
        return "–" if row[key] is None else template.format(row[key])

    lines = [
        ("MSE, all cells", figure("mse", "{:.4f}")),
        ("MSE, outdoors", figure("mse_outdoor", "{:.4f}")),
        ("RMSE", figure("rmse_db", "{:.1f} dB")),
        ("   in sight", figure("rmse_db_los", "{:.1f} dB")),
        ("   behind buildings", figure("rmse_db_nlos", "{:.1f} dB")),
        ("SSIM", figure("ssim", "{:.3f}")),
        (f"Outage IoU at {threshold_dbm:g} dBm", figure("outage_iou", "{:.3f}")),
        ("   all called outage", figure("all_outage_iou", "{:.3f}")),
        ("Coverage IoU", figure("coverage_iou", "{:.3f}")),
        ("Truth below the floor", figure("censored_share", "{:.0%}")),
        ("Channel bits corrected", f"{row['bit_errors']:,} of {row['coded_bits']:,}"),
        ("Edge, image to air", f"{row['edge_ms']:.0f} ms"),
        ("Receiver, air to map", f"{row['receiver_ms']:.0f} ms"),
    ]
    ax.set_title("Figures", fontsize=13, color=INK, loc="left", fontweight="bold")
    for number, (name, value) in enumerate(lines):
        y = 0.97 - number * 0.0775
        quiet = name.startswith("   ")
        ax.text(0, y, name, fontsize=11, color=MUTED if quiet else INK, va="top", transform=ax.transAxes)
        ax.text(1.2, y, value, fontsize=11, color=MUTED if quiet else INK, va="top", ha="right", transform=ax.transAxes)
