"""Rows of a rate sweep -> means with intervals, paired differences, fronts, BD-rates, comparisons at equal uses."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from radiosem.metrics import Interval, bootstrap_interval
from testbed.bench.bjontegaard import Point, bd_rate_percent, pareto_front, rate_at_error
from testbed.bench.cells import COMPLETE, DEGRADED, FAILED, Row
from testbed.bench.senders import LOSSLESS, MAP, SEMANTICS, TUNABLE, WITH_READINGS, readings_of

AVERAGED = (
    *("payload_bits", "channel_uses", "eb_n0_db", "wrong_pixel_share", "mse", "mse_clipped", "nmse", "rmse", "ssim"),
    *("psnr", "mse_outdoor", "rmse_db", "rmse_db_los", "rmse_db_nlos", "censored_share"),
    *("outage_iou", "coverage_iou", "all_outage_iou"),
)
REFERENCE_ES_N0_DB = 10.0
LEARNED_LINK = "jscc"


@dataclass(frozen=True)
class Reference:
    """The cell that comparisons over senders are printed for, and the sender that others are compared with."""

    link: str
    es_n0_db: float
    sender: str


def reference(links: Sequence[str], es_n0_db: Sequence[float], senders: Sequence[str]) -> Reference:
    """The first digital link, the Es/N0 nearest to 10 dB, and the lossless mask with the most readings.

    The first sender where none sends that mask.
    """
    link = next((name for name in links if name != LEARNED_LINK), links[0])
    wanted = "bitmap" if link == LEARNED_LINK else LOSSLESS  # the only code that the learned link takes
    nearest = min(es_n0_db, key=lambda value: (abs(value - REFERENCE_ES_N0_DB), value))
    lossless = [sender for sender in senders if sender.partition(WITH_READINGS)[0] == wanted]
    return Reference(link, float(nearest), max(lossless, key=readings_of, default=senders[0]))


def cells(rows: Sequence[Row], chosen: Reference, seed: int = 0) -> list[dict[str, Any]]:
    """One entry a sender, link and Es/N0, in the order of the rows.

    Means over maps of every score, failed maps counted as the floor map they leave; `mse_delivered` leaves them out.
    `mse_interval` is a 95 % bootstrap over regions; `mse_against` the same of the difference to the reference sender in
    the same link and Es/N0, map by map.
    """
    groups: dict[tuple[str, str, float], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["sender"], row["link"], row["es_n0_db"]), []).append(row)
    return [
        _cell(group, groups.get((chosen.sender, link, es_n0_db)), seed) for (_, link, es_n0_db), group in groups.items()
    ]


def _cell(group: list[Row], baseline: list[Row] | None, seed: int) -> dict[str, Any]:
    regions = [row["region"] for row in group]
    errors = [row["mse"] for row in group]
    against = None
    if baseline is not None and [row["map"] for row in baseline] == [row["map"] for row in group]:
        against = _interval(bootstrap_interval(errors, regions, seed, [row["mse"] for row in baseline]))
    statuses = [row["status"] for row in group]
    return {
        **{key: group[0][key] for key in ("sender", "family", "kind", "link", "es_n0_db")},
        "maps": len(group),
        **{f"{status}_share": statuses.count(status) / len(group) for status in (COMPLETE, DEGRADED, FAILED)},
        **{key: _mean([row[key] for row in group]) for key in AVERAGED},
        "mse_delivered": _mean([row["mse"] for row in group if row["status"] != FAILED]),
        "mse_interval": _interval(bootstrap_interval(errors, regions, seed)),
        "mse_against": against,
    }


def _interval(interval: Interval) -> dict[str, float | None]:
    return {"mean": interval.mean, "low": interval.low, "high": interval.high}


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def at(aggregated: Sequence[dict[str, Any]], es_n0_db: float, link: str | None = None) -> list[dict[str, Any]]:
    """Cells of one Es/N0, of one link or of all."""
    return [cell for cell in aggregated if cell["es_n0_db"] == es_n0_db and link in (None, cell["link"])]


def points(found: Sequence[dict[str, Any]], rate: str) -> list[Point]:
    """Rate and error of the cells in which every map arrived whole."""
    return [(cell[rate], cell["mse"]) for cell in found if cell["complete_share"] == 1]


def fronts(aggregated: Sequence[dict[str, Any]], chosen: Reference) -> dict[str, list[dict[str, Any]]]:
    """Pareto fronts at the reference Es/N0, over all links in channel uses, over the reference link in payload bits.

    `channel_uses`, `payload_bits`: of everything an edge can send; `..._with_true_maps`: of all senders.
    """
    out: dict[str, list[dict[str, Any]]] = {}
    for rate, link in (("channel_uses", None), ("payload_bits", chosen.link)):
        everything = at(aggregated, chosen.es_n0_db, link)
        possible = [cell for cell in everything if cell["kind"] != MAP]
        for name, found in ((rate, possible), (f"{rate}_with_true_maps", everything)):
            front = pareto_front(points(found, rate))
            out[name] = [
                {key: cell[key] for key in ("sender", "link", rate, "mse")}
                for point in front
                for cell in [next(c for c in found if (c[rate], c["mse"]) == point)]
            ]
    return out


def bd_rates(aggregated: Sequence[dict[str, Any]], chosen: Reference) -> list[dict[str, Any]]:
    """Every family against the main paper's route, the mask as JPEG, at each Es/N0.

    bd_rate_percent         None where a curve has a single point or the curves do not overlap
    equal_error_percent     for each sender at its own error: its rate less the JPEG route's there, in percent of
                            that; nothing for errors that the route never reaches
    """
    out = []
    for es_n0_db in dict.fromkeys(cell["es_n0_db"] for cell in aggregated):
        for rate, link in (("payload_bits", chosen.link), ("channel_uses", None)):
            found = at(aggregated, es_n0_db, link)
            anchor = points([c for c in found if c["family"] == TUNABLE and c["kind"] == SEMANTICS], rate)
            for family in dict.fromkeys(cell["family"] for cell in found):
                mine = [cell for cell in found if cell["family"] == family]
                curve = points(mine, rate)
                equal = {
                    f"{cell['sender']} over {cell['link']}": 100 * (cell[rate] / needed - 1)
                    for cell in mine
                    if cell["complete_share"] == 1
                    and (cell["family"], cell["kind"]) != (TUNABLE, SEMANTICS)
                    and (needed := rate_at_error(anchor, cell["mse"])) is not None
                }
                out.append(
                    {
                        "family": family,
                        "rate": rate,
                        "link": link or "all",
                        "es_n0_db": es_n0_db,
                        "points": len(pareto_front(curve)),
                        "bd_rate_percent": bd_rate_percent(anchor, curve),
                        "equal_error_percent": equal,
                    }
                )
    return out


def equal_uses(aggregated: Sequence[dict[str, Any]], chosen: Reference) -> list[dict[str, Any]]:
    """The reference sender, at each link and Es/N0, against every map sender given as many channel uses or more.

    rivals  of each map sender the best of its links that take as many channel uses or more
    """
    out = []
    for ours in aggregated:
        if ours["sender"] != chosen.sender:
            continue
        best: dict[str, dict[str, Any]] = {}
        for cell in at(aggregated, ours["es_n0_db"]):
            if cell["kind"] == SEMANTICS or cell["channel_uses"] < ours["channel_uses"]:
                continue
            if cell["sender"] not in best or cell["mse"] < best[cell["sender"]]["mse"]:
                best[cell["sender"]] = {key: cell[key] for key in ("sender", "family", "kind", "link")} | {
                    "channel_uses": cell["channel_uses"],
                    "mse": cell["mse"],
                    "lower_than_ours": bool(cell["mse"] < ours["mse"]),
                }
        out.append(
            {key: ours[key] for key in ("sender", "link", "es_n0_db", "channel_uses", "mse")}
            | {"rivals": list(best.values())}
        )
    return out


def learned_link(aggregated: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The learned link at each Es/N0, against the best digital frame that takes at most as many channel uses.

    Frames are compared with frames that carry as many readings.
    """
    out = []
    for ours in aggregated:
        if ours["link"] != LEARNED_LINK:
            continue
        digital = [
            cell
            for cell in at(aggregated, ours["es_n0_db"])
            if cell["link"] != LEARNED_LINK
            and cell["kind"] == SEMANTICS
            and cell["channel_uses"] <= ours["channel_uses"]
            and readings_of(cell["sender"]) == readings_of(ours["sender"])
        ]
        best = min(digital, key=lambda cell: cell["mse"], default=None)
        keys = ("sender", "link", "channel_uses", "mse", "wrong_pixel_share", "failed_share", "degraded_share")
        out.append(
            {key: ours[key] for key in ("es_n0_db", *keys)}
            | {"digital": None if best is None else {key: best[key] for key in keys}}
        )
    return out
