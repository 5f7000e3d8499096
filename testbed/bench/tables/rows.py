"""Scores, costs and cells of a sweep -> rows of the tables, with the papers' figures beside them."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from radiosem.scores.pooling import Interval
from testbed.bench.tables import published
from testbed.bench.tables.published import Published

OURS, RADIOUNET = "cgan", "radiounet"
KNOWN_TO_THE_SCORE = "unknown to the method; what it puts on them counts as 0, by the true mask"
Row = dict[str, Any]


def against(paper: Sequence[Published], measured: dict[str, Row], told: Callable[[Any], dict[str, Any]]) -> list[Row]:
    """Measured rows in their order with the paper's figures, then the paper's rows that nothing here stands for."""
    by_id = {row.ours: row for row in paper}
    rows = [
        {"model": model, "method": None, **{f"paper_{k}": v for k, v in told(by_id[model]).items()}, **row}
        if model in by_id
        else {"model": model, **row}
        for model, row in measured.items()
    ]
    for row in rows:
        row["method"] = row.get("paper_method")
    others = [row for row in paper if row.ours not in measured]
    return rows + [
        {"model": None, "method": row.method, **{f"paper_{k}": v for k, v in told(row).items()}} for row in others
    ]


def _in_e4(interval: dict[str, Any]) -> dict[str, Any]:
    """An interval of an MSE, times 1e4; its number of blocks stays."""
    return {key: value if value is None or key == "blocks" else 1e4 * value for key, value in interval.items()}


def _error(scores: dict[str, Any]) -> Row:
    return {
        "mse_e4": 1e4 * scores["mse"],
        "mse_interval_e4": _in_e4(scores["mse_interval"]),
        "mse_clipped_e4": 1e4 * scores["mse_clipped"],
        "mse_outdoor_e4": None if scores["mse_outdoor"] is None else 1e4 * scores["mse_outdoor"],
        **_of_maps(scores),
        **{key: scores[key] for key in ("rmse_db", "rmse_db_los", "rmse_db_nlos")},
    }


def _of_maps(scores: dict[str, Any]) -> Row:
    """How many maps a row is of, and how many of them its network was trained on or selected by."""
    return {key: scores[key] for key in ("maps", "seen_maps", "selected_maps")}


def sample_free(scores: dict[str, Any]) -> Row:
    """Table I: errors in both conventions of grey, and in dB; or why there are none."""
    if "refused" in scores:
        return {"refused": scores["refused"]}
    return _error(scores)


def less_ours(difference: Interval) -> Row:
    """Table I: by how much a reconstructor errs more than our generator on the same maps."""
    return {"mse_less_ours_e4": _in_e4(asdict(difference))}


def from_samples(scores: dict[str, Any]) -> Row:
    """What an interpolation scores in every measure; or why it was refused."""
    if "refused" in scores:
        return {"refused": scores["refused"]}
    return _error(scores) | quality(scores) | {"buildings": KNOWN_TO_THE_SCORE}


def quality(scores: dict[str, Any]) -> Row:
    """A half of RadioDiff's Table II; or why there is none."""
    if "refused" in scores:
        return {"refused": scores["refused"]}
    keys = ("nmse", "rmse", "ssim", "psnr", "nmse_interval", "rmse_interval")
    return {key: scores[key] for key in keys} | _of_maps(scores)


def rate_rows(rate: dict[str, Any] | None) -> list[Row]:
    """Table II: every sender beside the paper's row of its family; without a sweep the paper's rows alone."""
    measured = [] if rate is None else rate["cells"]
    paper = {row.ours: row for row in published.TABLE_II}
    rows = []
    for cell in measured:
        told = paper.get(cell["family"])
        rows.append(
            {
                "model": cell["sender"],
                "method": told and told.method,
                "kbit": cell["payload_bits"] / 1e3,
                "channel_uses": cell["channel_uses"],
                "mse_e4": 1e4 * cell["mse"],
                "mse_interval_e4": _in_e4(cell["mse_interval"]),
                "mse_clipped_e4": 1e4 * cell["mse_clipped"],
                "maps": cell["maps"],
                "seen_maps": rate["audit"]["maps_seen_in_training"] if rate else 0,
                "selected_maps": rate["audit"]["maps_that_selected_weights"] if rate else 0,
                "failed_share": cell["failed_share"],
                "degraded_share": cell["degraded_share"],
                "paper_kb": told and told.kb,
                "paper_mse_e4": told and told.mse_e4,
                "sends": cell["kind"],
            }
        )
    seen = {cell["family"] for cell in measured}
    return rows + [
        {"model": None, "method": row.method, "paper_kb": row.kb, "paper_mse_e4": row.mse_e4}
        for row in published.TABLE_II
        if row.ours not in seen
    ]


def ratio(costs: dict[str, Row]) -> Row:
    """How many times faster a map of ours is than RadioUNet's, in this run; None where one of them is missing."""
    ours, other = costs.get(OURS, {}), costs.get(RADIOUNET, {})
    known = "network_ms" in ours and "network_ms" in other

    def times(key: str, more: str = "") -> float | None:
        if not known:
            return None
        with_more = [cost[key] + (cost[more] if more else 0) for cost in (other, ours)]
        return float(with_more[0] / with_more[1])

    return {
        "network": times("network_ms"),
        "mask_to_map": times("network_ms", "features_ms"),
        "ours": OURS,
        "other": RADIOUNET,
        "threads": "every core",
    }
