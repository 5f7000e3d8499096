"""Rows of a rate sweep -> means with intervals, paired differences, fronts, BD-rates, comparisons at equal uses."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from radiosem.scores.metrics import MapScores
from radiosem.scores.pooling import bootstrap_interval, pooled
from testbed.bench.rate.bjontegaard import Point, bd_rate_percent, pareto_front, rate_at_error
from testbed.bench.rate.cells import COMPLETE, DEGRADED, FAILED, LEARNED_LINK, NOT_CARRIED, PARTIAL, Row
from testbed.bench.rate.senders import LOSSLESS, MAP, SEMANTICS, TUNABLE, WITH_READINGS, readings_of

AVERAGED = ("payload_bits", "channel_uses", "eb_n0_db", "wrong_pixel_share")
REFERENCE_ES_N0_DB = 10.0
ABOUT_EQUAL = 0.05  # by which channel uses may differ and still count as equal, over the learned link


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
    lossless = [sender for sender in senders if _mask(sender) == wanted]
    return Reference(link, float(nearest), max(lossless, key=readings_of, default=senders[0]))


def cells(rows: Sequence[Row], chosen: Reference, seed: int = 0) -> list[dict[str, Any]]:
    """One entry a sender, link and Es/N0, in the order of the rows; none where the link carries no map of the sender.

    Scores are `pooled` over maps and bursts, failed ones counted as the floor map they leave; `mse_delivered` leaves
    them out.
    `mse_interval` is a 95 % bootstrap over regions; `mse_against` the same of the difference to the reference sender in
    the same link and Es/N0, map by map, where both are of the same maps.

    maps                 that the scores are of; their pixels are counted once a burst
    not_carried          maps that they are not of, since the link cannot carry the sender's frame of them
    ..._share            of the bursts that end so
    readings_lost_share  of the bursts: frames that were not refused, and whose readings did not arrive
    """
    groups: dict[tuple[str, str, float], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["sender"], row["link"], row["es_n0_db"]), []).append(row)
    carried = {key: [row for row in group if row["status"] != NOT_CARRIED] for key, group in groups.items()}
    return [
        _cell(group, carried.get((chosen.sender, *key[1:])), seed, len(_maps(groups[key])) - len(_maps(group)))
        for key, group in carried.items()
        if group
    ]


def _cell(group: list[Row], baseline: list[Row] | None, seed: int, not_carried: int) -> dict[str, Any]:
    regions, scores = [row["region"] for row in group], [MapScores.of(row) for row in group]
    squared, pixels = [row["mse"] * row["pixels"] for row in group], [row["pixels"] for row in group]
    against = None
    if baseline is not None and _maps(baseline) == _maps(group):
        other = [row["mse"] * row["pixels"] for row in baseline]
        against = asdict(bootstrap_interval(squared, regions, seed, other, over=pixels))
    statuses = [row["status"] for row in group]
    delivered = [one for one, status in zip(scores, statuses, strict=True) if status != FAILED]
    return {
        **{key: group[0][key] for key in ("sender", "family", "kind", "link", "es_n0_db")},
        "maps": len(_maps(group)),
        "not_carried": not_carried,
        **{f"{status}_share": statuses.count(status) / len(group) for status in (COMPLETE, PARTIAL, DEGRADED, FAILED)},
        "readings_lost_share": sum(row["readings_lost"] for row in group) / len(group),
        **{key: _mean([row[key] for row in group]) for key in AVERAGED},
        "mse_clipped": sum(row["mse_clipped"] * row["pixels"] for row in group) / sum(pixels),
        **asdict(pooled(scores)),
        "mse_delivered": pooled(delivered).mse if delivered else None,
        "mse_interval": asdict(bootstrap_interval(squared, regions, seed, over=pixels)),
        "mse_against": against,
    }


def _maps(rows: Sequence[Row]) -> list[str]:
    """Maps that rows are of, each once, whatever number of bursts it was sent in."""
    return list(dict.fromkeys(row["map"] for row in rows))


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def at(aggregated: Sequence[dict[str, Any]], es_n0_db: float, link: str | None = None) -> list[dict[str, Any]]:
    """Cells of one Es/N0, of one link or of all."""
    return [cell for cell in aggregated if cell["es_n0_db"] == es_n0_db and link in (None, cell["link"])]


def whole(cell: dict[str, Any]) -> bool:
    """Whether every map of the sweep was carried, and arrived with nothing lost."""
    return bool(cell["complete_share"] == 1 and not cell["not_carried"])


def points(found: Sequence[dict[str, Any]], rate: str) -> list[Point]:
    """Rate and error of the cells in which every map arrived whole, and whose rate is known."""
    return [(cell[rate], cell["mse"]) for cell in found if whole(cell) and cell[rate] is not None]


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
    """Every family against the main paper's route, the mask as JPEG, at each Es/N0; with readings also against that.

    A family with readings is one curve over all settings and all numbers of readings, none among them, and `anchor`
    says which is meant: the paper's route, which has none, or the same route with the same numbers of them.

    bd_rate_percent         None where a curve has a single point or the curves do not overlap
    least_error_percent     the least rate at which the family errs no more than the anchor at its best, less the
                            anchor's rate there, in percent of that; None where the family never does
    equal_error_percent     for each sender at its own error: its rate less the anchor's there, in percent of that;
                            nothing for errors that the anchor never reaches
    """
    out = []
    for es_n0_db in dict.fromkeys(cell["es_n0_db"] for cell in aggregated):
        for rate, link in (("payload_bits", chosen.link), ("channel_uses", None)):
            found = at(aggregated, es_n0_db, link)
            for family in dict.fromkeys(cell["family"] for cell in found):
                _, *readings = family.partition(WITH_READINGS)
                for anchor in dict.fromkeys((TUNABLE, "".join((TUNABLE, *readings)))):
                    out.append(
                        {"family": family, "anchor": anchor, "rate": rate, "link": link or "all", "es_n0_db": es_n0_db}
                        | _against(found, family, anchor, rate)
                    )
    return out


def _against(found: Sequence[dict[str, Any]], family: str, anchor: str, rate: str) -> dict[str, Any]:
    """The curve of one family against that of another."""
    mine, other = points(_curve(found, family), rate), points(_curve(found, anchor), rate)
    equal = {
        f"{cell['sender']} over {cell['link']}": 100 * (cell[rate] / needed - 1)
        for cell in found
        if cell["family"] == family != anchor
        and points([cell], rate)
        and (needed := rate_at_error(other, cell["mse"])) is not None
    }
    dearest, least = pareto_front(other)[-1] if other else (0.0, -1.0)
    enough = [taken for taken, error in mine if error <= least]
    return {
        "points": len(pareto_front(mine)),
        "bd_rate_percent": bd_rate_percent(other, mine),
        "least_error_percent": 100 * (min(enough) / dearest - 1) if enough else None,
        "equal_error_percent": equal,
    }


def _curve(found: Sequence[dict[str, Any]], family: str) -> list[dict[str, Any]]:
    """Cells of a family; with readings also those that carry none."""
    return [cell for cell in found if cell["family"] in (family, family.partition(WITH_READINGS)[0])]


def equal_uses(aggregated: Sequence[dict[str, Any]], chosen: Reference) -> list[dict[str, Any]]:
    """Every frame with the reference sender's mask, at each link and Es/N0, against the map senders.

    Frames with all numbers of readings, chosen either way; cells that lack a map are left out.

    rivals   of each map sender the best of its links that take as many channel uses or more
    cheaper  every cell of a map sender that takes fewer channel uses and yet has a lower error
    """
    out = []
    for ours in aggregated:
        if _mask(ours["sender"]) != _mask(chosen.sender) or ours["kind"] != SEMANTICS or ours["not_carried"]:
            continue
        best: dict[str, dict[str, Any]] = {}
        cheaper = []
        for cell in at(aggregated, ours["es_n0_db"]):
            if cell["kind"] == SEMANTICS or cell["not_carried"]:
                continue
            told = {key: cell[key] for key in ("sender", "family", "kind", "link", "channel_uses", "mse")}
            told["lower_than_ours"] = bool(cell["mse"] < ours["mse"])
            if cell["channel_uses"] < ours["channel_uses"]:
                cheaper += [told] if told["lower_than_ours"] else []
            elif cell["sender"] not in best or cell["mse"] < best[cell["sender"]]["mse"]:
                best[cell["sender"]] = told
        out.append(
            {key: ours[key] for key in ("sender", "link", "es_n0_db", "channel_uses", "mse")}
            | {"rivals": list(best.values()), "cheaper": cheaper}
        )
    return out


def _mask(sender: str) -> str:
    """The mask codec of a frame: its name without the readings."""
    return sender.partition(WITH_READINGS)[0]


def learned_link(aggregated: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The learned link at each Es/N0, against the best digital frame of as many channel uses, or at most 5 % more.

    No digital frame is exactly as long: the lossless one is a little longer. Frames are compared with frames that carry
    as many readings.
    """
    out = []
    for ours in aggregated:
        if ours["link"] != LEARNED_LINK or ours["not_carried"]:
            continue
        digital = [
            cell
            for cell in at(aggregated, ours["es_n0_db"])
            if cell["link"] != LEARNED_LINK
            and cell["kind"] == SEMANTICS
            and not cell["not_carried"]
            and cell["channel_uses"] <= (1 + ABOUT_EQUAL) * ours["channel_uses"]
            and cell["sender"].partition(WITH_READINGS)[2] == ours["sender"].partition(WITH_READINGS)[2]
        ]
        best = min(digital, key=lambda cell: cell["mse"], default=None)
        keys = ("sender", "link", "channel_uses", "mse", "wrong_pixel_share", "failed_share", "degraded_share")
        out.append(
            {key: ours[key] for key in ("es_n0_db", *keys)}
            | {"digital": None if best is None else {key: best[key] for key in keys}}
        )
    return out
