"""Measured tables -> Markdown, and one HTML file that needs nothing else."""

from pathlib import Path
from typing import Any

from testbed.bench import pages
from testbed.bench.learning import AT_MINUTES
from testbed.bench.learning import draw as draw_curves

Row = dict[str, Any]
HERE = (
    "Here: the maps named in the audit, no building of which was seen in training, and networks trained on CPU cores "
    "for minutes to hours."
)

SAMPLE_FREE: tuple[pages.Column, ...] = (
    ("here", "model", ""),
    ("MSE, e-4", "mse_e4", "{:.2f}"),
    ("95 %", "interval", ""),
    ("MSE clipped at 0.2, e-4", "mse_clipped_e4", "{:.2f}"),
    ("MSE outdoor, e-4", "mse_outdoor_e4", "{:.2f}"),
    ("RMSE, dB", "rmse_db", "{:.2f}"),
    ("in sight, dB", "rmse_db_los", "{:.2f}"),
    ("in shadow, dB", "rmse_db_nlos", "{:.2f}"),
    ("paper's row", "method", ""),
    ("paper's MSE, e-4", "paper_mse_e4", "{:.2f}"),
    ("note", "note", ""),
)
SAMPLES: tuple[pages.Column, ...] = (
    ("here", "model", ""),
    ("outdoor pixels read", "share", "{:.1%}"),
    ("MSE, e-4", "mse_e4", "{:.2f}"),
    ("95 %", "interval", ""),
    ("MSE outdoor, e-4", "mse_outdoor_e4", "{:.2f}"),
    ("RMSE, dB", "rmse_db", "{:.2f}"),
    ("in sight, dB", "rmse_db_los", "{:.2f}"),
    ("in shadow, dB", "rmse_db_nlos", "{:.2f}"),
    ("NMSE", "nmse", "{:.4f}"),
    ("SSIM", "ssim", "{:.4f}"),
    ("note", "note", ""),
)
RATE_ERROR: tuple[pages.Column, ...] = (
    ("here", "model", ""),
    ("it sends", "sends", ""),
    ("payload, kbit", "kbit", "{:.2f}"),
    ("channel uses", "channel_uses", "{:,.0f}"),
    ("MSE, e-4", "mse_e4", "{:.2f}"),
    ("95 %", "interval", ""),
    ("paper's row", "method", ""),
    ("paper's MSE, e-4", "paper_mse_e4", "{:.2f}"),
    ("paper's kb", "paper_kb", "{:.1f}"),
    ("as kB, kbit", "paper_kbit_if_bytes", "{:.1f}"),
    ("note", "note", ""),
)
QUALITY: tuple[pages.Column, ...] = (
    ("here", "model", ""),
    ("NMSE", "nmse", "{:.4f}"),
    ("RMSE", "rmse", "{:.4f}"),
    ("SSIM", "ssim", "{:.4f}"),
    ("PSNR, dB", "psnr", "{:.2f}"),
    ("paper's row", "method", ""),
    ("NMSE", "paper_nmse", "{:.4f}"),
    ("RMSE", "paper_rmse", "{:.4f}"),
    ("SSIM", "paper_ssim", "{:.4f}"),
    ("PSNR, dB", "paper_psnr", "{:.2f}"),
    ("note", "note", ""),
)
COST: tuple[pages.Column, ...] = (
    ("here", "model", ""),
    ("channels, ms", "features_ms", "{:.1f}"),
    ("network, ms", "network_ms", "{:.1f}"),
    ("peak memory, MB", "peak_mb", "{:.0f}"),
    ("before the network, MB", "base_mb", "{:.0f}"),
    ("paper's row", "method", ""),
    ("paper's time, s", "paper_seconds", "{:.3f}"),
    ("paper's memory, MB", "paper_memory_mb", "{:.0f}"),
    ("note", "note", ""),
)
LEARNING: tuple[pages.Column, ...] = (
    ("here", "model", ""),
    ("learned", "learns", ""),
    ("trained on", "data", ""),
    ("parameters, M", "parameters_m", "{:.2f}"),
    ("images seen", "images", "{:,}"),
    ("minutes", "minutes", "{:.0f}"),
    ("best after", "best_minutes", "{:.0f}"),
    ("validation MSE, e-4", "val_e4", "{:.1f}"),
    *((f"by minute {minutes}", f"val_e4_at_{minutes}", "{:.1f}") for minutes in AT_MINUTES),
    ("gain of the last quarter", "late_gain", "{:.1%}"),
)
TABLES: tuple[tuple[str, str, tuple[pages.Column, ...], str], ...] = (
    (
        "table_1",
        "Table I: sample-free reconstruction",
        SAMPLE_FREE,
        "arXiv 2501.10654: RadioMapSeer (WinProp), 400/100/100 maps, 120 epochs; scaling not said. " + HERE,
    ),
    (
        "table_2",
        "Table II: rate and error",
        RATE_ERROR,
        "arXiv 2501.10654, whose 'kb' is not explained: both readings are shown. Whole maps are the true ones, as in "
        "the paper; edge-map rows send what the edge can rebuild itself. Semantic rows are scored after the link, with "
        "laws fitted from noisy samples.",
    ),
    (
        "radiodiff_2_static",
        "RadioDiff's Table II, static",
        QUALITY,
        "RadioDiff: RadioMapSeer, raw grey, static maps; its splits leak one map. " + HERE,
    ),
    (
        "radiodiff_2_dynamic",
        "RadioDiff's Table II, dynamic",
        QUALITY,
        "The same with cars in the streets. Empty on the left where the data set has no maps with cars.",
    ),
    (
        "radiodiff_4",
        "RadioDiff's Table IV: time and memory",
        COST,
        "The paper's times are a GPU's. Here: batch 1 on CPU, every core, the median of 20 calls, each in a process of "
        "its own; peak memory is the process's resident set.",
    ),
    (
        "samples",
        "From samples alone",
        SAMPLES,
        "Static maps, each rebuilt from exact readings at random outdoor pixels, by methods that know neither "
        "buildings nor transmitter; what was read is left out of every score but SSIM. No table of the papers: the "
        "rows that need no samples stand in Table I.",
    ),
    (
        "learning",
        "What the training of each took",
        LEARNING,
        "Images and minutes of one thread, those of weights with which a training began counted in; scored are the "
        "weights that were best on the validation split. Rows are compared at equal time by the best error up to a "
        "minute; one whose last quarter still gained much had not stalled.",
    ),
)


def told(name: str, row: Row) -> Row:
    """A row with its interval as text, the other reading of the paper's unit, and a note."""
    interval = None if row.get("low_e4") is None else {"low": row["low_e4"], "high": row["high_e4"]}
    kb = row.get("paper_kb")
    return {
        **row,
        "interval": pages.interval(interval, "{:.2f}"),
        "paper_kbit_if_bytes": None if kb is None else 8 * kb,
        "note": _note(name, row),
    }


def _note(name: str, row: Row) -> str:
    if "refused" in row:
        return f"not scored: {row['refused']}"
    if name in ("samples", "learning"):
        return ""
    if row["model"] is None:
        return "the paper's figure alone; nothing here stands for it"
    if row["method"] is None:
        return "no such row in the paper"
    if name == "table_2":
        return "other data and networks; rate of the actual frame"
    return "other data, split and training time"


def markdown(summary: dict[str, Any]) -> str:
    """All tables with their notes and the audit."""
    parts = ["# The papers' tables, measured here\n"]
    for name, title, columns, under in TABLES:
        rows = [told(name, row) for row in summary["tables"][name]]
        parts += [f"\n## {title}\n\n{under}\n\n", _markdown_table(rows, columns)]
    parts += ["\n", _speed(summary), "\n## Audit\n\n"]
    parts += [f"- {key}: {value}\n" for key, value in summary["audit"].items()]
    return "".join(parts)


def _markdown_table(rows: list[Row], columns: tuple[pages.Column, ...]) -> str:
    head = "| " + " | ".join(title for title, _, _ in columns) + " |\n"
    rule = "|" + "|".join(" ---: " if template else " --- " for _, _, template in columns) + "|\n"
    lines = (
        "| "
        + " | ".join(pages.show(row.get(key), template).replace("|", "\\|") for _, key, template in columns)
        + " |\n"
        for row in rows
    )
    return head + rule + "".join(lines)


def _speed(summary: dict[str, Any]) -> str:
    speed = summary["speed"]
    if speed["network"] is None:
        return f"Speed of {speed['ours']} against {speed['other']}: one of them does not run here.\n"
    return (
        f"In this run {speed['other']} takes {speed['network']:.1f} times as long a map as {speed['ours']} in the "
        f"network, and {speed['mask_to_map']:.1f} times from mask to map.\n"
    )


def write_report(summary: dict[str, Any], out: Path) -> Path:
    """Write `out`/report.html; returns its path."""
    audit = summary["audit"]
    body = []
    for name, title, columns, under in TABLES:
        body += [
            pages.heading(title, under),
            pages.table([told(name, row) for row in summary["tables"][name]], columns),
        ]
    curves = draw_curves(summary["tables"]["learning"], out / "learning.png")
    if curves is not None:
        body.append(pages.figure(curves, "validation error of every network against minutes of training"))
    body += [f"<p>{_speed(summary)}</p>", pages.heading("Audit"), pages.definitions(audit)]
    lead = f"{audit['maps']} maps of {audit['data']}, split {audit['split']}; {audit['scaling']}."
    path = out / "report.html"
    path.write_text(pages.page("The papers' tables, measured here", lead, body), "utf-8")
    return path
