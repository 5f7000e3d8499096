"""Summary of a rate sweep -> figures and one HTML file that needs nothing else."""

from html import escape
from pathlib import Path
from typing import Any

from testbed.bench.rate import figures
from testbed.bench.rate.aggregate import Reference, at
from testbed.bench.rate.examples import Drawn
from testbed.looks import pages

CELL_COLUMNS: tuple[pages.Column, ...] = (
    ("sender", "sender", ""),
    ("sends", "kind", ""),
    ("payload, bits", "payload_bits", "{:,.0f}"),
    ("channel uses", "channel_uses", "{:,.0f}"),
    ("Eb/N0, dB", "eb_n0_db", "{:.1f}"),
    ("refused", "failed_share", "{:.0%}"),
    ("degraded", "degraded_share", "{:.0%}"),
    ("partial", "partial_share", "{:.0%}"),
    ("MSE", "mse", "{:.5f}"),
    ("95 %", "interval", ""),
    ("MSE less the reference's", "difference", ""),
    ("MSE clipped at 0.2", "mse_clipped", "{:.5f}"),
    ("SSIM", "ssim", "{:.3f}"),
    ("MSE outdoor", "mse_outdoor", "{:.5f}"),
    ("RMSE, dB", "rmse_db", "{:.1f}"),
    ("wrong mask", "wrong_pixel_share", "{:.2%}"),
    ("outage IoU", "outage_iou", "{:.3f}"),
)
NOISE_COLUMNS: tuple[pages.Column, ...] = (
    ("link", "link", ""),
    ("Es/N0, dB", "es_n0_db", "{:g}"),
    ("channel uses", "channel_uses", "{:,.0f}"),
    ("refused", "failed_share", "{:.0%}"),
    ("degraded", "degraded_share", "{:.0%}"),
    ("readings lost", "readings_lost_share", "{:.0%}"),
    ("MSE", "mse", "{:.5f}"),
    ("95 %", "interval", ""),
    ("MSE of what arrived", "mse_delivered", "{:.5f}"),
    ("RMSE, dB", "rmse_db", "{:.1f}"),
)
BD_COLUMNS: tuple[pages.Column, ...] = (
    ("family", "family", ""),
    ("against", "anchor", ""),
    ("rate in", "rate", ""),
    ("link", "link", ""),
    ("points of its front", "points", "{}"),
    ("BD-rate, %", "bd_rate_percent", "{:+.1f}"),
    ("rate for the anchor's least error, %", "least_error_percent", "{:+.0f}"),
    ("its senders at their own error, % of the anchor's rate there", "equal", ""),
)
RIVAL_COLUMNS: tuple[pages.Column, ...] = (
    ("rival", "sender", ""),
    ("it sends", "kind", ""),
    ("over", "link", ""),
    ("channel uses", "channel_uses", "{:,.0f}"),
    ("MSE", "mse", "{:.5f}"),
    ("lower than ours", "lower", ""),
)
LEARNED_COLUMNS: tuple[pages.Column, ...] = (
    ("Es/N0, dB", "es_n0_db", "{:g}"),
    ("learned: channel uses", "channel_uses", "{:,.0f}"),
    ("MSE", "mse", "{:.5f}"),
    ("wrong mask", "wrong_pixel_share", "{:.2%}"),
    ("digital", "digital_sender", ""),
    ("over", "digital_link", ""),
    ("channel uses", "digital_channel_uses", "{:,.0f}"),
    ("MSE", "digital_mse", "{:.5f}"),
    ("wrong mask", "digital_wrong_pixel_share", "{:.2%}"),
    ("degraded", "digital_degraded_share", "{:.0%}"),
)
NOTES = (
    "semantics: transmitters, path-loss laws and the true building mask cross the air, and the receiver's own pipeline "
    "rebuilds the map. The mask is true, so the segmenter's errors are not in these figures.",
    "map: the sender is given the true map, as the papers' rivals are. No edge has it: an edge has an image and some "
    "readings. edge-map: the map that the edge could rebuild by itself from the same semantics with the receiver's "
    "network, sent whole. Both go without header and checksum, which favours them; learned ones are range coded by how "
    "often training maps had each symbol.",
    "Payload bits are the bytes of the frame; channel uses are the symbols that went through the noise, signal field "
    "included. Nothing is sent again.",
    "The learned link draws the mask as analogue symbols: its frame names the codec bitmap, whose payload bits never "
    "go on the air, so it has no payload bits and no Eb/N0. Channel uses are what compares it.",
    "Refused: the strong part did not come through, or a whole map did not. It counts as the map that is the floor "
    "everywhere, so an MSE near the mean square of the truth. Degraded: the mask was lost, and the path-loss map "
    "stands in, with no building known; its MSE over all pixels can be worse than that of no map at all. Partial: the "
    "mask came through, and cars or readings were lost.",
    "Curves and fronts are of cells in which every map was carried and arrived whole. BD-rate: the mean difference of "
    "log10(rate) over the PSNR that both fronts reach, each interpolated by a monotone piecewise cubic (PCHIP); a dash "
    "where a front has one point or they do not overlap.",
    "Rehearsed: the edge has the receiver's generator, and sends the readings that mend its map best.",
    "The anchor jpeg is the main paper's route, which has no readings; jpeg + readings is the same route with the same "
    "numbers of readings. A family with readings is one curve over its settings and every number of readings, 0 among "
    "them: of a lossless mask the numbers of readings are the curve. Where one errs less than jpeg at its best, "
    "the two have no error in common and no BD-rate. The rate for the anchor's least error tells them apart: the least "
    "at which a family errs no more than the anchor at its best, against the anchor's rate there.",
    "Every burst has noise of its own; the audit says how many a map has in a cell. Shares are of bursts.",
)


def write_report(summary: dict[str, Any], examples: dict[str, Drawn], out: Path) -> Path:
    """Write the figures and `out`/report.html; returns its path."""
    for rate in _rates(summary):
        figures.draw_rate(summary, rate, out / f"{rate}.png")
    figures.draw_noise(summary, out / "es_n0_db.png")
    for scene_id, drawn in examples.items():
        figures.draw_errors(scene_id, drawn, summary, out / f"errors-{scene_id}.png")
    path = out / "report.html"
    path.write_text(_page(summary, list(examples), out), "utf-8")
    return path


def _page(summary: dict[str, Any], examples: list[str], out: Path) -> str:
    chosen, audit = Reference(**summary["reference"]), summary["audit"]
    blocks = audit["spatial_blocks"]
    lead = (
        f"{audit['maps']} maps of {audit['data']} ({audit['split']}) on {blocks} spatial "
        f"{'block' if blocks == 1 else 'blocks'}, sent in {len(summary['cells'])} cells of sender, link and noise. "
        f"Tables over senders are of {chosen.link} at Es/N0 = {chosen.es_n0_db:g} dB; differences are to "
        f"{chosen.sender}."
    )
    if seen := audit["maps_seen_in_training"]:
        lead += f" Networks saw the buildings of {seen} of them in training: their scores say nothing of unseen cities."
    if selected := audit["maps_that_selected_weights"]:
        lead += f" Weights were selected by their error on the buildings of {selected} of them."
    drawn = [pages.figure(out / f"errors-{scene_id}.png", f"Error maps of map {scene_id}") for scene_id in examples]
    return pages.page(
        "Bandwidth against error",
        lead,
        [
            *(
                pages.figure(out / f"{rate}.png", f"MSE against {rate.replace('_', ' ')}, with the Pareto front")
                for rate in _rates(summary)
            ),
            pages.heading("Senders", f"{chosen.link}, Es/N0 = {chosen.es_n0_db:g} dB"),
            pages.table([_told(cell) for cell in at(summary["cells"], chosen.es_n0_db, chosen.link)], CELL_COLUMNS),
            pages.heading("Noise"),
            pages.figure(out / "es_n0_db.png", "MSE against Es/N0"),
            _folded(
                f"{chosen.sender} over every link, in figures",
                pages.table(
                    [_told(cell) for cell in summary["cells"] if cell["sender"] == chosen.sender], NOISE_COLUMNS
                ),
            ),
            pages.heading(
                "Against the main paper's route",
                "BD-rate: the anchor is the mask as JPEG, over its settings, without and with readings",
            ),
            pages.table(_bd_rows(summary, chosen), BD_COLUMNS),
            *_rivals(summary, chosen),
            *_learned_link(summary),
            pages.heading("Maps", "one sender a family: the cheapest within a tenth of its family's best error"),
            *drawn,
            pages.heading("How to read this"),
            "<ul>" + "".join(f"<li>{note}</li>" for note in NOTES) + "</ul>\n",
            pages.heading("Audit"),
            pages.definitions(audit),
            _not_carried(summary),
        ],
    )


def _rates(summary: dict[str, Any]) -> list[str]:
    """Rates that the figures are drawn over; over the learned link alone there are no payload bits."""
    chosen = Reference(**summary["reference"])
    cells = at(summary["cells"], chosen.es_n0_db, chosen.link)
    return [rate for rate in figures.RATES if any(cell[rate] is not None for cell in cells)]


def _folded(title: str, content: str) -> str:
    return f"<details><summary>{title}</summary>{content}</details>\n"


def _told(cell: dict[str, Any]) -> dict[str, Any]:
    difference = cell["mse_against"]
    told = pages.show(difference and difference["mean"], "{:+.5f}")
    if difference and difference["low"] is not None:
        told += f" ({pages.interval(difference, '{:+.5f}')})"
    return {**cell, "interval": pages.interval(cell["mse_interval"], "{:.5f}"), "difference": told}


def _bd_rows(summary: dict[str, Any], chosen: Reference) -> list[dict[str, Any]]:
    rows = [row for row in summary["bd_rates"] if row["es_n0_db"] == chosen.es_n0_db]
    for row in rows:
        best = sorted(row["equal_error_percent"].items(), key=lambda entry: entry[1])[:3]
        row["equal"] = "; ".join(f"{name} {percent:+.0f} %" for name, percent in best) or pages.NONE
    return rows


def _rivals(summary: dict[str, Any], chosen: Reference) -> list[str]:
    found = [
        entry
        for entry in summary["equal_uses"]
        if (entry["link"], entry["es_n0_db"]) == (chosen.link, chosen.es_n0_db)
        and (entry["rivals"] or entry["cheaper"])
    ]
    told = []
    for ours in found:
        rivals, cheaper = (
            [{**rival, "lower": "yes" if rival["lower_than_ours"] else "no"} for rival in ours[key]]
            for key in ("rivals", "cheaper")
        )
        frame = (
            f"{ours['sender']} over {ours['link']}: {ours['channel_uses']:,.0f} channel uses, MSE {ours['mse']:.5f}."
        )
        under = f"{frame} Of each rival the best link that takes as many channel uses or more."
        told += [pages.heading("With as many channel uses or more", under), pages.table(rivals, RIVAL_COLUMNS)]
        if cheaper:
            under = f"{frame} Every map sender and link that takes fewer and errs less all the same."
            told += [pages.heading("With fewer channel uses, and better", under), pages.table(cheaper, RIVAL_COLUMNS)]
    return told


def _learned_link(summary: dict[str, Any]) -> list[str]:
    rows = [
        {**entry, **{f"digital_{key}": value for key, value in (entry["digital"] or {}).items()}}
        for entry in summary["learned_link"]
    ]
    if not rows:
        return []
    under = "Beside each Es/N0 the best digital frame that takes as many channel uses, or at most 5 % more"
    return [pages.heading("The learned link", under), pages.table(rows, LEARNED_COLUMNS)]


def _not_carried(summary: dict[str, Any]) -> str:
    every = summary["audit"]["maps"]
    pairs = [
        f"{pair['sender']} over {pair['link']}"
        + (f" ({len(pair['maps'])} of {every} maps: {', '.join(pair['maps'])})" if len(pair["maps"]) < every else "")
        for pair in summary["not_carried"]
    ]
    reasons = dict.fromkeys(pair["why"] for pair in summary["not_carried"])
    text = (
        f"Left out, since there is no such frame or the link cannot carry it: {'; '.join(pairs)}. "
        f"Why: {'; '.join(reasons)}."
    )
    return f"<p>{escape(text)}</p>" if pairs else ""
