"""Cells, curves and comparisons say what their rows allow, and no more."""

from typing import Any

import pytest

from testbed.bench.rate import aggregate
from testbed.bench.rate.aggregate import Reference
from testbed.bench.rate.cells import COMPLETE, DEGRADED, FAILED, NOT_CARRIED, PARTIAL

HERE = Reference("qpsk-1/2", 4.0, "context")
SCORES = ("nmse", "rmse", "ssim", "psnr", "mse_outdoor", "rmse_db", "rmse_db_los", "rmse_db_nlos", "censored_share")
UNKNOWN = (*SCORES, "outage_iou", "coverage_iou", "all_outage_iou", "eb_n0_db", "wrong_pixel_share")


def row(
    scene: str, status: str = COMPLETE, mse: float = 0.01, sender: str = "context", **changes: Any
) -> dict[str, Any]:
    """One row of a sweep."""
    counts = {"pixels": 100, "outdoor_pixels": 50, "los_pixels": 25, "nlos_pixels": 25}
    where = {"sender": sender, "family": sender, "kind": "semantics", "link": "qpsk-1/2", "es_n0_db": 4.0}
    rate = {"payload_bits": 1000, "channel_uses": 1000}
    scores: dict[str, Any] = {**dict.fromkeys(UNKNOWN), "mse": mse, "mse_clipped": mse, "energy": 0.04, **counts}
    told = {"map": scene, "region": scene, "status": status, "readings_lost": status == PARTIAL}
    found = where | rate | scores | told | changes
    if status == NOT_CARRIED:
        found |= dict.fromkeys(("readings_lost", *rate, *scores))
    return found


def cell(sender: str, uses: float, mse: float, link: str = "qpsk-1/2", **changes: Any) -> dict[str, Any]:
    """One cell, every map of it whole."""
    figures = {"channel_uses": uses, "payload_bits": uses, "mse": mse, "wrong_pixel_share": 0, "failed_share": 0}
    codec, *readings = sender.split()[0], *(["+ readings"] if "+" in sender else [])
    where = {"sender": sender, "family": " ".join((codec, *readings)), "link": link, "es_n0_db": 4.0}
    state = {"kind": "semantics", "complete_share": 1, "degraded_share": 0, "not_carried": 0}
    return where | state | figures | changes


def test_every_fate_of_a_map_has_its_share_and_only_whole_cells_are_points() -> None:
    rows = [row("a"), row("b", PARTIAL), row("c", DEGRADED, readings_lost=True), row("d", FAILED)]
    (found,) = aggregate.cells(rows, HERE)
    shares = {key: found[f"{key}_share"] for key in ("complete", "partial", "degraded", "failed", "readings_lost")}
    assert shares == {"complete": 0.25, "partial": 0.25, "degraded": 0.25, "failed": 0.25, "readings_lost": 0.5}
    assert aggregate.points([found], "payload_bits") == []
    (partial,) = aggregate.cells([row("a"), row("b", PARTIAL)], HERE)
    assert aggregate.points([partial], "payload_bits") == []
    (whole,) = aggregate.cells([row("a"), row("b")], HERE)
    assert aggregate.points([whole], "payload_bits") == [(1000, 0.01)]


def test_a_large_map_counts_for_more_than_a_small_one() -> None:
    (found,) = aggregate.cells([row("a", mse=0.01), row("b", mse=0.05, pixels=300)], HERE)
    assert found["mse"] == found["mse_clipped"] == pytest.approx(0.04)


def test_a_cell_that_lacks_a_map_is_marked_and_compared_with_nothing() -> None:
    rows = [
        row("a", mse=0.01),
        row("b", mse=0.03),
        row("a", mse=0.002, sender="png"),
        row("b", NOT_CARRIED, sender="png"),
    ]
    ours, other = aggregate.cells(rows, HERE)
    assert (other["maps"], other["not_carried"], other["mse"]) == (1, 1, pytest.approx(0.002))
    assert other["mse_against"] is None
    assert ours["mse_against"]["mean"] == 0
    assert aggregate.points([ours, other], "payload_bits") == [(1000, pytest.approx(0.02))]
    found = [ours, {**other, "kind": "map", "channel_uses": 10}]
    assert aggregate.equal_uses(found, HERE) == [
        {"sender": "context", "link": "qpsk-1/2", "es_n0_db": 4.0, "channel_uses": 1000, "mse": pytest.approx(0.02)}
        | {"rivals": [], "cheaper": []}
    ]


def test_a_sender_that_no_map_is_carried_of_has_no_cell() -> None:
    assert aggregate.cells([row("a", NOT_CARRIED), row("b", NOT_CARRIED)], HERE) == []


def test_bursts_of_a_map_are_pooled_and_the_map_counted_once() -> None:
    rows = [row(scene, status, mse) for scene in "ab" for status, mse in ((COMPLETE, 0.01), (FAILED, 0.03))]
    (found,) = aggregate.cells(rows, HERE)
    assert (found["maps"], found["not_carried"], found["failed_share"]) == (2, 0, 0.5)
    assert (found["mse"], found["mse_delivered"]) == (pytest.approx(0.02), pytest.approx(0.01))
    assert found["mse_interval"]["blocks"] == 2


def test_errors_are_pooled_over_pixels() -> None:
    (found,) = aggregate.cells([row("a", mse=0.01), row("b", mse=0.04, pixels=300)], HERE)
    assert found["mse"] == found["mse_interval"]["mean"] == pytest.approx(0.0325)
    assert found["rmse"] == pytest.approx(0.0325**0.5)


def test_rivals_that_take_fewer_uses_and_err_less_are_listed_one_by_one() -> None:
    cells = [
        cell("context", 1000, 0.010),
        cell("map-vqvae", 900, 0.006, kind="map"),
        cell("map-vqvae", 500, 0.006, "16qam-1/2", kind="map"),
        cell("map-ae", 400, 0.020, kind="map"),
        cell("jpeg-map", 1500, 0.009, kind="map"),
        cell("jpeg-map", 2000, 0.012, kind="map"),
    ]
    (entry,) = aggregate.equal_uses(cells, HERE)
    assert [(r["sender"], r["link"]) for r in entry["cheaper"]] == [
        ("map-vqvae", "qpsk-1/2"),
        ("map-vqvae", "16qam-1/2"),
    ]
    assert [(r["sender"], r["channel_uses"], r["lower_than_ours"]) for r in entry["rivals"]] == [
        ("jpeg-map", 1500, True)
    ]


JPEG = [cell("jpeg q5", 1000, 0.020), cell("jpeg q50", 2000, 0.012)]
JPEG_READ = [cell("jpeg q5 + 32", 1400, 0.013), cell("jpeg q50 + 32", 2400, 0.006)]


def test_a_family_with_readings_is_held_to_the_jpeg_route_with_as_many_and_to_that_without() -> None:
    ours = [cell("context", 800, 0.012), cell("context + 32", 1200, 0.006)]
    rows = aggregate.bd_rates([*JPEG, *JPEG_READ, *ours], HERE)
    found = {(r["family"], r["anchor"]): r for r in rows if r["rate"] == "payload_bits"}
    assert found.keys() == {
        *(("jpeg", "jpeg"), ("context", "jpeg")),
        *((f"{codec} + readings", anchor) for codec in ("jpeg", "context") for anchor in ("jpeg", "jpeg + readings")),
    }
    assert found["context + readings", "jpeg + readings"]["points"] == 2  # the one without readings among them
    assert -60 < found["context + readings", "jpeg + readings"]["bd_rate_percent"] < -50
    assert found["jpeg + readings", "jpeg"]["bd_rate_percent"] < 0
    least = {key: r["least_error_percent"] for key, r in found.items()}
    assert least["context", "jpeg"] == least["context + readings", "jpeg"] == pytest.approx(-60)
    assert least["context + readings", "jpeg + readings"] == pytest.approx(-50)
    assert least["jpeg", "jpeg"] == 0
    assert found["jpeg + readings", "jpeg + readings"]["bd_rate_percent"] == pytest.approx(0, abs=1e-9)
    assert found["context", "jpeg"]["equal_error_percent"] == {"context over qpsk-1/2": pytest.approx(-60)}


def test_the_learned_link_is_no_bitmap_and_has_no_curve_in_payload_bits() -> None:
    learned = cell("bitmap", 700, 0.015, "jscc", family="jscc", payload_bits=None)
    rows = aggregate.bd_rates([*JPEG, cell("bitmap", 6000, 0.012), learned], HERE)
    points = {(r["family"], r["rate"]): r["points"] for r in rows}
    assert points["jscc", "channel_uses"] == points["bitmap", "channel_uses"] == 1
    on_jscc = Reference("jscc", 4.0, "bitmap")
    assert aggregate.fronts([learned], on_jscc)["payload_bits"] == []
    nothing = aggregate.bd_rates([learned], on_jscc)[0]
    assert (nothing["points"], nothing["bd_rate_percent"], nothing["least_error_percent"]) == (0, None, None)


def test_the_learned_link_stands_beside_the_best_digital_frame_of_about_its_length() -> None:
    cells = [
        cell("bitmap", 2000, 0.010, "jscc"),
        cell("context", 2110, 0.006),
        cell("jpeg 1/4 q5", 1900, 0.012),
        cell("jpeg 1/4 q5", 1000, 0.020, "16qam-1/2"),
        cell("jpeg 1/4 q5 + 32", 1950, 0.011),
        cell("jpeg 1/4 q5", 1500, 0.001, "16qam-3/4", not_carried=1),
    ]
    (entry,) = aggregate.learned_link(cells)
    assert (entry["mse"], entry["digital"]["mse"]) == (0.010, 0.012)
    (entry,) = aggregate.learned_link([*cells, cell("context", 2090, 0.005)])
    assert entry["digital"]["mse"] == 0.005
