"""A data set -> one PNG: blocks of every city with transmitters, heights and maps, to be looked over at a glance."""

from collections import defaultdict
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from radiosem_models.data import Dataset, MapKey
from radiosem_models.description import read_antennas
from testbed.looks.colours import BUILDING, INK, MUTED, OUTDOORS, PAPER, TRANSMITTER, WALLS

CAR = "#d1495b"
CITIES, ROWS_A_CITY, MAPS_A_ROW = 8, 2, 3  # drawn at most
CELL_INCHES = 2.3


def draw_contact_sheet(root: Path, path: Path) -> None:
    """Draw the first and the middle block of up to eight cities: mask with transmitters and cars, heights, three maps.

    raises  InputError when the folder has no masks or one of the files drawn cannot be read
    """
    dataset = Dataset(root)
    maps = _maps(dataset)
    blocks = _chosen(dataset)
    cols = 2 + MAPS_A_ROW
    width, height = cols * CELL_INCHES + 1.6, len(blocks) * (CELL_INCHES + 0.42) + 1.2
    figure = Figure(figsize=(width, height), dpi=100, facecolor=PAPER)
    axes = figure.subplots(len(blocks), cols, squeeze=False)
    figure.subplots_adjust(
        left=0.02, right=1 - 1.35 / width, top=1 - 0.95 / height, bottom=0.35 / height, hspace=0.2, wspace=0.06
    )
    figure.text(0.02, 1 - 0.4 / height, root.resolve().name, fontsize=17, fontweight="bold", color=INK)
    total = sum(map(len, maps.values()))
    figure.text(
        0.02, 1 - 0.63 / height, f"{len(dataset.block_ids)} blocks, {total} maps; north up, ▲ transmitter", color=MUTED
    )
    for row, block_id in zip(axes, blocks, strict=True):
        _draw_row(row, dataset, block_id, maps.get(block_id, []))
    _scale_bar(figure, dataset, 1 - 1.1 / width, width)
    figure.savefig(path, format="png", facecolor=PAPER)


def _maps(dataset: Dataset) -> dict[str, list[MapKey]]:
    """Every map, by block: the first of each simulation, then the second ..."""
    models = tuple(sorted(folder.name for folder in (dataset.root / "gain").glob("*/")))
    found: dict[str, list[MapKey]] = defaultdict(list)
    for key in sorted(dataset.keys("all", models), key=lambda key: (key.transmitter, models.index(key.model))):
        found[key.block_id].append(key)
    return found


def _chosen(dataset: Dataset) -> list[str]:
    """The first and the middle block of every city, or blocks from all over where no city has several."""
    cities: dict[str, list[str]] = defaultdict(list)
    for block_id in dataset.block_ids:
        cities[dataset.block(block_id).city].append(block_id)
    if max(map(len, cities.values())) < ROWS_A_CITY or len(cities) > CITIES:
        every = max(1, len(dataset.block_ids) // CITIES)
        return dataset.block_ids[::every][:CITIES]
    return [block_id for ids in cities.values() for block_id in dict.fromkeys((ids[0], ids[len(ids) // 2]))]


def _draw_row(row: NDArray[np.object_], dataset: Dataset, block_id: str, keys: list[MapKey]) -> None:
    block = dataset.block(block_id)
    classes = block.buildings.astype(int)
    if block.cars is not None:
        classes = np.where(block.cars & ~block.buildings, 2, classes)
    palette = ListedColormap([OUTDOORS, WALLS, CAR])
    row[0].imshow(classes, cmap=palette, vmin=-0.5, vmax=2.5, interpolation="nearest")
    split = dataset.about.get("tiles", {}).get(block_id, {}).get("split", "")  # type: ignore[attr-defined]
    _label(row[0], f"{block.city} {split}".strip(), f"block {block_id}, {block.buildings.mean():.0%} building")
    antenna = dataset.root / "antenna" / f"{block_id}.json"
    transmitters = read_antennas(antenna) if antenna.is_file() else []
    for k, transmitter in enumerate(transmitters):
        _mark(row[0], (transmitter.col, transmitter.row), str(k))
    if block.heights_m is not None:
        heights = np.ma.masked_equal(block.heights_m, 0)
        row[1].imshow(
            heights, cmap="viridis", vmin=0, vmax=max(20, int(block.heights_m.max())), interpolation="nearest"
        )
        _label(row[1], "heights", f"up to {int(block.heights_m.max())} m")
    else:
        row[1].axis("off")
    for ax, key in zip(row[2:], keys, strict=False):
        grey = dataset.grey(key)
        shown = np.ma.masked_where(block.buildings, grey)
        ax.set_facecolor(BUILDING)
        ax.imshow(shown, cmap="inferno", vmin=0, vmax=255, interpolation="nearest")
        censored = float((grey[~block.buildings] == 0).mean()) if (~block.buildings).any() else 0.0
        _label(ax, f"{key.model}, transmitter {key.transmitter}", f"{censored:.0%} of the outdoors censored")
        if key.transmitter < len(transmitters):
            transmitter = transmitters[key.transmitter]
            _mark(ax, (transmitter.col, transmitter.row))
    for ax in row[2 + len(keys) :]:
        ax.axis("off")


def _label(ax: Axes, title: str, note: str) -> None:
    ax.set_title(title, fontsize=9, color=INK, loc="left", fontweight="bold", pad=3)
    ax.set_xlabel(note, fontsize=8, color=MUTED, loc="left", labelpad=2)
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_color(BUILDING)


def _mark(ax: Axes, place: tuple[float, ...], name: str = "") -> None:
    ax.plot(place[0], place[1], marker="^", markersize=7, color=TRANSMITTER, markeredgecolor="white", markeredgewidth=1)
    if name:
        label = ax.annotate(name, (place[0], place[1]), (4, 4), textcoords="offset points", fontsize=8, color=INK)
        label.set_path_effects([withStroke(linewidth=2, foreground=PAPER)])


def _scale_bar(figure: Figure, dataset: Dataset, left: float, width: float) -> None:
    """The colours of the maps, in dB where the data set says so."""
    ax = figure.add_axes((left, 0.3, 0.16 / width, 0.4))
    ax.imshow(np.linspace(1, 0, 256)[:, None], aspect="auto", cmap="inferno", extent=(0, 1, 0, 255))
    ax.set_xticks([])
    ax.yaxis.tick_right()
    scale = dataset.known_scale
    ticks = np.linspace(0, 255, 5)
    label = "grey" if scale is None else "path gain, dB"
    ax.set_yticks(ticks, [f"{t:.0f}" if scale is None else f"{scale.gain_db(np.array(t / 255)):.0f}" for t in ticks])
    ax.set_title(label, fontsize=9, color=INK, loc="left")
    ax.tick_params(colors=MUTED, labelsize=8, length=3)
