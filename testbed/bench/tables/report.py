"""Measured tables -> Markdown, and one HTML file that needs nothing else."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from testbed.bench.tables.figures import draw_learning
from testbed.bench.tables.learning import AT_MINUTES, two_rows
from testbed.bench.tables.published import DIFFERS
from testbed.bench.tables.rows import Row
from testbed.looks import pages

INTERVAL = "95 %, or regions"
NOT_YET = "not yet"
SEEN: tuple[pages.Column, ...] = (  # shown where there are any
    ("maps seen in training", "seen_maps", "{}"),
    ("maps that selected the weights", "selected_maps", "{}"),
)

CLIPPED: pages.Column = ("MSE clipped at 0.2, e-4", "mse_clipped_e4", "{:.2f}")

SAMPLE_FREE: tuple[pages.Column, ...] = (
    ("here", "model", ""),
    ("MSE, e-4", "mse_e4", "{:.2f}"),
    (INTERVAL, "interval", ""),
    ("less cgan's on the same maps, e-4", "less_ours", ""),
    CLIPPED,
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
    ("MSE outdoor, e-4", "mse_outdoor_e4", "{:.2f}"),
    ("MSE, e-4", "mse_e4", "{:.2f}"),
    (INTERVAL, "interval", ""),
    CLIPPED,
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
    ("maps", "maps", "{}"),
    ("refused", "failed_share", "{:.0%}"),
    ("mask lost", "degraded_share", "{:.0%}"),
    ("payload, kbit", "kbit", "{:.2f}"),
    ("channel uses", "channel_uses", "{:,.0f}"),
    ("MSE, e-4", "mse_e4", "{:.2f}"),
    (INTERVAL, "interval", ""),
    CLIPPED,
    ("paper's row", "method", ""),
    ("paper's MSE, e-4", "paper_mse_e4", "{:.2f}"),
    ("paper's kb", "paper_kb", "{:.1f}"),
    ("as kB, kbit", "paper_kbit_if_bytes", "{:.1f}"),
    ("note", "note", ""),
)
QUALITY: tuple[pages.Column, ...] = (
    ("here", "model", ""),
    ("maps", "maps", "{}"),
    ("NMSE", "nmse", "{:.4f}"),
    (INTERVAL, "nmse_interval", ""),
    ("RMSE", "rmse", "{:.4f}"),
    (INTERVAL, "rmse_interval", ""),
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
    ("as deployed, ms", "lean_ms", "{:.1f}"),
    ("with ONNX Runtime's settings, ms", "eager_ms", "{:.1f}"),
    ("memory, MB", "memory_mb", "{:.0f}"),
    ("process before it, MB", "base_mb", "{:.0f}"),
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
    ("trained", "terms", ""),
    ("images seen", "images", "{:,}"),
    ("minutes", "minutes", "{:.0f}"),
    ("validation error, e-4", "val_e4", "{:.1f}"),
    ("cgan by then", "cgan_e4_at_equal", "{:.1f}"),
    ("cgan after as many images", "cgan_e4_at_images", "{:.1f}"),
    ("best after", "best_minutes", "{:.0f}"),
    *((f"by minute {minutes}", f"val_e4_at_{minutes}", "{:.1f}") for minutes in AT_MINUTES),
    ("gain of the last quarter", "late", ""),
)
TABLES: tuple[tuple[str, str, tuple[pages.Column, ...], str], ...] = (
    (
        "table_1",
        "Table I: sample-free reconstruction",
        SAMPLE_FREE,
        "arXiv 2501.10654: RadioMapSeer (WinProp), 400/100/100 maps, 120 epochs; scaling not said. {here}",
    ),
    (
        "table_2",
        "Table II: rate and error",
        RATE_ERROR,
        "arXiv 2501.10654, whose 'kb' is not explained: both readings are shown. Whole maps are the true ones, as in "
        "the paper; edge-map rows send what the edge can rebuild itself. Semantic rows are scored after the link, with "
        "laws fitted from noisy samples. A refused frame leaves the floor everywhere; maps whose frames the link "
        "cannot carry are in no row, and the audit counts them.",
    ),
    (
        "radiodiff_2_static",
        "RadioDiff's Table II, static",
        QUALITY,
        "RadioDiff: RadioMapSeer, raw grey, static maps; its splits leak one map. {here}",
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
        "The paper's times are a GPU's. Here: batch 1 on CPU, every core, the median of 20 calls, each model in a "
        "process of its own. Networks run as they are deployed, without memory arena and spinning threads, and with "
        "ONNX Runtime's own settings; the time of each is the better of its two. Memory is how far the channels it "
        "looks at, with their compiled loops, and the network as deployed raise the process's largest resident set "
        "above what stood after imports.",
    ),
    (
        "samples",
        "From samples alone",
        SAMPLES,
        "Static maps, each rebuilt from exact readings at random outdoor pixels, by methods that know neither "
        "buildings nor transmitter; what was read is left out of every score but SSIM. The score knows the buildings: "
        "what a method puts on them counts as 0, by the true mask, in all but the outdoor and dB columns, which have "
        "no building. No table of the papers: the rows that need no samples stand in Table I.",
    ),
    (
        "learning",
        "What the training of each took",
        LEARNING,
        "Images and minutes, those of weights with which a training began counted in; scored are the weights that "
        "were best on the validation split, by their MSE, those that send masks by the share of wrong pixels, over the "
        "learned link its mean over noise. Two rows each: at equal time, the best error by the end of the shorter of "
        "its training and cgan's, and to its end. Minutes are of the machine that each was trained on, of which some "
        "are several times as fast as others; images are not. One whose last quarter still gained much had not "
        f"stalled. '{NOT_YET}': its error ended above a best from before that quarter, as after a change of "
        "phase, and says nothing of a stall.",
    ),
)


def told(name: str, row: Row) -> Row:
    """A row with its intervals and its late gain as text, the other reading of the paper's unit, and a note."""
    kb = row.get("paper_kb")
    return {
        **row,
        "interval": pages.interval(row.get("mse_interval_e4"), "{:.2f}"),
        "less_ours": _difference(row.get("mse_less_ours_e4")),
        **{key: pages.interval(row.get(key), "{:.4f}") for key in ("nmse_interval", "rmse_interval")},
        "late": NOT_YET if row.get("ends_above_best") else pages.show(row.get("late_gain"), "{:.1%}"),
        "paper_kbit_if_bytes": None if kb is None else 8 * kb,
        "note": _note(name, row),
    }


def _difference(interval: Row | None) -> str:
    """A mean difference with its sign, and its interval."""
    return pages.NONE if interval is None else f"{interval['mean']:+.2f} ({pages.interval(interval, '{:+.2f}')})"


def _note(name: str, row: Row) -> str:
    if "refused" in row:
        return f"not scored: {row['refused']}"
    if name in ("samples", "learning"):
        return ""
    if row["model"] is None:
        return "the paper's figure alone"
    if row["method"] is None:
        return "no such row in the paper"
    if name == "table_2":
        return "other data and networks; rate of the actual frame"
    return "; ".join(("other data, split and training time", *filter(None, [DIFFERS.get(row["model"])])))


def markdown(summary: dict[str, Any]) -> str:
    """All tables with their notes and the audit."""
    parts = ["# The papers' tables, measured here\n"]
    for title, under, rows, columns in _filled(summary):
        parts += [f"\n## {title}\n\n{under}\n\n", _markdown_table(rows, columns)]
    parts += ["\n", _speed(summary), "\n## Audit\n\n"]
    parts += [f"- {key}: {value}\n" for key, value in summary["audit"].items()]
    return "".join(parts)


def _filled(summary: dict[str, Any]) -> Iterator[tuple[str, str, list[Row], tuple[pages.Column, ...]]]:
    """Title, note, rows and columns of every table."""
    here = _here(summary["audit"])
    for name, title, columns, under in TABLES:
        rows = [told(name, row) for row in summary["tables"][name]]
        if name == "learning":
            rows = [line for row in rows for line in two_rows(row)]
        more = (column for column in SEEN if any(row.get(column[1]) for row in rows))
        yield title, under.format(here=here), rows, (*columns, *more)


def _here(audit: dict[str, Any]) -> str:
    seen_maps, selected_maps = audit["maps_seen_in_training"], audit["maps_that_selected_weights"]
    seen = (
        f"of which networks saw up to {seen_maps} in training, so that their scores say nothing of unseen cities"
        if seen_maps
        else "no building of which was seen in training"
    )
    if selected_maps:
        seen += f", though up to {selected_maps} are of the validation by which weights were selected"
    return f"Here: the maps named in the audit, {seen}, and networks trained on CPU cores for minutes to hours."


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
    for title, under, rows, columns in _filled(summary):
        body += [pages.heading(title, under), pages.table(rows, columns)]
    curves = draw_learning(summary["tables"]["learning"], out / "learning.png")
    if curves is not None:
        body.append(pages.figure(curves, "validation error of every network against minutes of training"))
    body += [f"<p>{_speed(summary)}</p>", pages.heading("Audit"), pages.definitions(audit)]
    lead = f"{audit['maps']} maps of {audit['data']}, split {audit['split']}; {audit['scaling']}."
    path = out / "report.html"
    path.write_text(pages.page("The papers' tables, measured here", lead, body), "utf-8")
    return path
