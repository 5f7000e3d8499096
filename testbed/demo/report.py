"""Summary and panels of a demo run -> one HTML file that needs nothing else."""

import statistics
from html import escape
from pathlib import Path
from typing import Any

from testbed.looks import pages

MAP: pages.Column = ("map", "id", "")
LOST: pages.Column = ("lost on the air", "lost", "")
COLUMNS: tuple[pages.Column, ...] = (
    ("codec", "codec", ""),
    ("payload, bits", "payload_bits", "{:,.0f}"),
    ("channel uses", "channel_uses", "{:,.0f}"),
    ("Es/N0, dB", "snr_db", "{:g}"),
    ("bit errors", "bit_errors", "{:,}"),
    ("MSE", "mse", "{:.4f}"),
    ("MSE outdoor", "mse_outdoor", "{:.4f}"),
    ("SSIM", "ssim", "{:.3f}"),
    ("RMSE, dB", "rmse_db", "{:.1f}"),
    ("in sight, dB", "rmse_db_los", "{:.1f}"),
    ("not in sight, dB", "rmse_db_nlos", "{:.1f}"),
    ("outage IoU", "outage_iou", "{:.3f}"),
    ("coverage IoU", "coverage_iou", "{:.3f}"),
    ("all-outage IoU", "all_outage_iou", "{:.3f}"),
    ("edge, ms", "edge_ms", "{:.0f}"),
    ("receiver, ms", "receiver_ms", "{:.0f}"),
)

MEANING = (
    (
        "payload, bits",
        "The frame before channel coding: header, transmitters, path-loss laws, building mask (but over jscc, which "
        "draws it as analogue symbols), cars where there are some, and some of the readings, by which the receiver "
        "mends its map. The map itself is never sent.",
    ),
    ("channel uses", "Complex symbols on the air: the frame after channel coding and modulation."),
    (
        "Es/N0",
        "Energy of a symbol over noise density, in dB. From payload bits and channel uses, the mean Eb/N0 of this run "
        "is {eb_n0}.",
    ),
    ("bit errors", "Channel bits that noise had flipped and the decoder put right."),
    (
        "MSE, SSIM",
        "Path gain as grey in 0..1 ({floor_db:g} dB is 0, {top_db:g} dB is 1), all cells but the sampled ones, which "
        "SSIM cannot leave out; buildings 0 in the truth and where the received mask has them. This is how the papers "
        "score; it flatters where much is building.",
    ),
    (
        "MSE outdoor, RMSE",
        "Of these the outdoor cells whose truth is above the floor, the rebuilt map held to the floor. "
        "In sight: the straight line to a transmitter is free of buildings.",
    ),
    (
        "outage, coverage IoU",
        "Intersection over union of true and predicted outdoor cells below (outage) and not below (coverage) "
        "{threshold_dbm:g} dBm. Truth below the floor is outage. All-outage IoU is what calling every cell an outage "
        "scores.",
    ),
    (
        "edge, receiver ms",
        "Time of the edge's stages (image to symbols) and of the receiver's (symbols to map), without delivery.",
    ),
)


def write_report(summary: dict[str, Any], folder: Path) -> Path:
    """Write `folder`/report.html from a summary and the panels beside it; returns its path."""
    path = folder / "report.html"
    path.write_text(_page(summary, folder), "utf-8")
    return path


def _page(summary: dict[str, Any], folder: Path) -> str:
    settings, machine = summary["settings"], summary["machine"]
    tried = len(summary["maps"]) + len(summary["lost"])
    versions = ", ".join(f"{name} {version}" for name, version in summary["versions"].items())
    lead = (
        f"{'Once' if tried == 1 else f'{tried} times'}, an edge process saw a city block from above and read the power "
        "at some places. It sent what causes the map and some of its readings, not the map, through simulated noise "
        f"({settings['link']}, Es/N0 = {settings['es_n0_db']:g} dB), and a receiver process rebuilt the map. Neither "
        "process had the truth they are compared with below."
    )
    body = (
        _tiles(summary),
        pages.heading("Every map"),
        _table(summary),
        _losses(summary),
        pages.heading("Milliseconds a stage"),
        _stages(summary),
        pages.heading("The maps"),
        *(_figure(row, folder) for row in summary["maps"]),
        pages.heading("What the figures mean"),
        f"<dl>{_meaning(summary)}</dl>",
        pages.heading("What this run is, and is not"),
        f"<ul>{_notes(summary)}</ul>",
        f"<footer>Made {escape(summary['made'])} in {summary['seconds']:.0f} s on {escape(str(machine['cpu']))}, "
        f"{machine['cores']} cores, {escape(machine['system'])}. {escape(versions)}.<br>\n"
        f"Networks: {_models(summary)}<br>\n"
        "Geometry © OpenStreetMap contributors, ODbL. The same figures are in <code>summary.json</code>.</footer>",
    )
    return pages.page("Radio maps from a few kilobits", lead, body)


def _tiles(summary: dict[str, Any]) -> str:
    mean = summary["mean"]
    entries = (
        ("payload_bits", "{:,.0f} bits", "a map, on average"),
        ("channel_uses", "{:,.0f}", "channel uses a map"),
        ("mse", "{:.4f}", "MSE, all cells"),
        ("rmse_db", "{:.1f} dB", "RMSE outdoors"),
        ("outage_iou", "{:.2f}", f"outage IoU (all-outage: {pages.show(mean['all_outage_iou'], '{:.2f}')})"),
        ("coverage_iou", "{:.2f}", "coverage IoU"),
    )
    tiles = (
        f'<div class="tile"><b>{pages.show(mean[key], template)}</b><span>{escape(text)}</span></div>'
        for key, template, text in entries
    )
    return f'<div class="tiles">{"".join(tiles)}</div>'


def _table(summary: dict[str, Any]) -> str:
    rows = [row | {"lost": ", ".join(row["lost"])} for row in summary["maps"]]
    columns = (MAP, LOST, *COLUMNS) if any(row["lost"] for row in rows) else (MAP, *COLUMNS)
    return pages.table(rows, columns, foot=summary["mean"] | {"id": "mean"}, links="id")


def _losses(summary: dict[str, Any]) -> str:
    lost = (f"<li><b>{escape(loss['id'])}</b>: {escape(loss['reason'])}</li>" for loss in summary["lost"])
    items = "".join(lost)
    return f"<h2>Did not arrive</h2><ul>{items}</ul>" if items else ""


def _stages(summary: dict[str, Any]) -> str:
    medians: dict[str, float] = {}
    for side in ("edge", "receiver"):
        every = [row[f"{side}_stage_ms"] for row in summary["maps"]]
        for stage in dict.fromkeys(stage for stages in every for stage in stages):
            medians[f"{side} {stage}"] = statistics.median([stages.get(stage, 0.0) for stages in every])
    columns: list[pages.Column] = [("", "what", ""), *((name, name, "{:.1f}") for name in medians)]
    return pages.table([{"what": "median"} | medians], columns)


def _figure(row: dict[str, Any], folder: Path) -> str:
    described = f"Panel of {row['id']}: landscape, segmentation, depth map, truth, rebuilt map, error and outage"
    return pages.figure(folder / row["panel"], described, row["id"])


def _meaning(summary: dict[str, Any]) -> str:
    values = {**summary["scale"], **summary["settings"], "eb_n0": pages.show(summary["mean"]["eb_n0_db"], "{:.1f} dB")}
    return "".join(f"<dt>{escape(term)}</dt><dd>{escape(text.format(**values))}</dd>" for term, text in MEANING)


def _notes(summary: dict[str, Any]) -> str:
    mean = summary["mean"]
    censored = pages.show(mean["censored_share"], "{:.0%}")
    notes = (
        "The truth is ray traced, not measured: flat concrete walls, reflections up to five bounces, first-order "
        "diffraction, and diffraction over rooftops, at 5.9 GHz, 1.5 m above ground.",
        "The landscapes are drawn from footprints and heights by a renderer, not photographed. Real imagery is harder "
        "to segment.",
        "The samples are read from the true maps with 1 dB of noise; where nothing is heard they say so. Their cells "
        "are left out of every score but SSIM.",
        "All blocks are of Florence, a city that no network was trained or selected on. Several show the same block: "
        "this is a demonstration, not a benchmark.",
        f"{censored} of the outdoor cells lie below the floor of the truth: all that is known is that there is next to "
        "nothing.",
        "The air is additive white Gaussian noise at a known Es/N0; times are of both processes sharing this machine.",
    )
    return "".join(f"<li>{escape(note)}</li>" for note in notes)


def _models(summary: dict[str, Any]) -> str:
    seen = {model["name"]: model for row in summary["maps"] for model in row["models"]}
    described = (f"{m['name']} <code>{escape(m['sha256'][:12])}</code> on {escape(m['device'])}" for m in seen.values())
    return ", ".join(described) or "none took part"
