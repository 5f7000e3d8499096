"""A sweep counts what is really sent, scores what really arrives, and goes on after a stop."""

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from channel_sim.awgn import awgn
from channel_sim.link import make_link
from channel_sim.wire import symbols_to_bytes
from radiosem.codecs import codec_names
from radiosem.errors import InputError
from radiosem.frame import pack
from radiosem_proto.v1.radiosem_pb2 import Burst
from server_rx.pipeline import Pipeline
from testbed.bench.rate.cells import COMPLETE, FAILED, run_scene
from testbed.bench.rate.figures import styles
from testbed.bench.rate.map_senders import RAW_MAP, map_sender_names
from testbed.bench.rate.scenes import DataSource, PackSource, Scene, seed_of
from testbed.bench.rate.senders import READINGS, REHEARSED, Plan, SemanticSender, make_senders
from testbed.bench.rate.sweep import RateSettings, run_rate
from testbed.bench.store import RunFolder, source_digest
from testbed.pack import SAMPLE_PACK
from testbed.scores import leaks
from tests.testbed.bench.rate.conftest import check_page

PLAN = Plan(("context", "jpeg"), ("png-map", "jpeg-map"), (5, 40), (1,), readings=(0, 1023), rehearsed=(64,))
ES_N0_DB = (-20.0, 10.0)


@pytest.fixture(scope="module")
def settings(small_city: Path) -> RateSettings:
    return RateSettings(DataSource(small_city, allow_seen=True), PLAN, ("qpsk-1/2",), ES_N0_DB, examples=1)


@pytest.fixture(scope="module")
def swept(settings: RateSettings, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A whole sweep: its folder and its summary."""
    out = tmp_path_factory.mktemp("swept")
    return out, run_rate(settings, out)


def test_bits_are_those_of_the_frame_and_uses_those_of_the_link(
    scene: Scene, networks: Any, pipeline: Pipeline
) -> None:
    senders = make_senders(PLAN, pipeline, networks.codecs)
    links = [make_link("qpsk-1/2"), make_link("64qam-2/3")]
    rows = [row for row, _ in run_scene(scene, senders, links, (10.0,), seed=0)]
    assert len(rows) == len(senders) * len(links)
    sent = {sender.name: sender.frame(scene) for sender in senders}
    for row in rows:
        frame = sent[row["sender"]]
        assert row["payload_bits"] == 8 * (len(frame.strong) + len(frame.weak))
        assert row["channel_uses"] == make_link(row["link"]).encode(frame).size


def test_the_rebuilt_map_is_the_one_that_the_receivers_pipeline_makes(
    scene: Scene, networks: Any, pipeline: Pipeline
) -> None:
    plan = Plan(("context",), (), (), (), readings=(), rehearsed=(32,))
    (sender,) = make_senders(plan, pipeline, networks.codecs)
    link = make_link("qpsk-1/2")
    ((row, received),) = run_scene(scene, [sender], [link], (6.0,), seed=3)
    assert isinstance(sender, SemanticSender)
    rng = np.random.default_rng(seed_of(3, scene.id, "context + 32 rehearsed", "qpsk-1/2", 6.0))
    codec = networks.codecs[_id_of(networks, "context")]
    frame = pack(scene.semantics(32, scene.rehearse(networks.generator, codec)), codec)
    noisy = awgn(link.encode(frame), 6.0, rng)
    burst = Burst(observation_id="x", symbols=symbols_to_bytes(noisy), es_n0_db=6.0, link="qpsk-1/2")
    (record,) = pipeline.rebuild([pipeline.receive(burst)])
    # Taking the power off and adding it again may cost the last bit.
    np.testing.assert_allclose(received.gain_db + np.float32(23.0), record.map_dbm, rtol=0, atol=2e-5)
    assert row["bit_errors"] == record.provenance.bit_errors
    assert row["status"] == COMPLETE
    assert row["wrong_pixel_share"] == 0


def _id_of(networks: Any, name: str) -> bytes:
    return next(key for key, codec in networks.codecs.items() if codec.name == name)


def test_what_is_refused_counts_as_the_floor_everywhere(swept: tuple[Path, dict[str, Any]], small_city: Path) -> None:
    source = DataSource(small_city)
    rows = list(csv.DictReader((swept[0] / "rows.csv").read_text().splitlines()))
    refused = [row for row in rows if row["es_n0_db"] == "-20.0"]
    assert {row["status"] for row in refused} == {FAILED}
    for row in refused:
        scene = source.scene(row["map"])
        assert float(row["mse"]) == pytest.approx((scene.truth_grey.astype(float)[~scene.sampled] ** 2).mean())
    failed = [cell for cell in swept[1]["cells"] if cell["es_n0_db"] == -20]
    assert {cell["failed_share"] for cell in failed} == {1.0}
    assert {cell["mse_delivered"] for cell in failed} == {None}


def test_a_noisier_channel_is_not_better(swept: tuple[Path, dict[str, Any]]) -> None:
    error = {(cell["sender"], cell["es_n0_db"]): cell["mse"] for cell in swept[1]["cells"]}
    for sender in {sender for sender, _ in error}:
        assert error[sender, 10.0] < error[sender, -20.0]


def test_samples_are_left_out_and_the_law_is_fitted_from_them(scene: Scene) -> None:
    assert scene.sampled.sum() == 300
    assert not (scene.sampled & scene.buildings).any()
    assert scene.semantics(0).path_losses[0].samples > 0
    grey = scene.truth_grey[scene.samples.row, scene.samples.col]
    noise_db = scene.samples.power_dbm - scene.scale.gain_db(grey) - 23
    assert (noise_db[grey == 0] == 0).all()
    assert np.std(noise_db[grey > 0.03]) == pytest.approx(1.0, abs=0.25)


def test_edge_maps_are_no_nearer_the_truth_than_what_the_edge_knows(swept: tuple[Path, dict[str, Any]]) -> None:
    error = {cell["sender"]: cell["mse"] for cell in swept[1]["cells"] if cell["es_n0_db"] == 10}
    assert error["edge jpeg-map 1/1 q40"] > 0.5 * error["context + 1023"]
    assert error["context + 1023"] < error["context"]
    assert error["png-map"] < error["jpeg-map 1/1 q40"] < error["edge jpeg-map 1/1 q40"]


def _content(summary: dict[str, Any]) -> dict[str, Any]:
    """A summary without what a run's time and machine are."""
    kept = {key: value for key, value in summary.items() if key not in ("made", "audit")}
    return json.loads(json.dumps(kept))  # type: ignore[no-any-return]


def _stop_after_one() -> Callable[[int, int], None]:
    def report(done: int, of: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    return report


def test_a_stopped_sweep_goes_on_to_the_same_outcome_and_processes_change_nothing(
    settings: RateSettings, swept: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_rate(settings, tmp_path, report=_stop_after_one())
    assert len(list((tmp_path / "done").glob("*.json"))) == 1
    again = run_rate(settings, tmp_path, workers=2)
    assert again["audit"]["maps_in_this_run"] == 2
    assert (tmp_path / "rows.csv").read_bytes() == (swept[0] / "rows.csv").read_bytes()
    assert _content(again) == _content(swept[1])


def test_maps_that_a_network_saw_in_training_are_refused(
    small_city: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaks, "training_fingerprints", lambda name: np.empty(0, np.uint32))
    monkeypatch.setattr(leaks, "seen_blocks", lambda masks, known: {next(iter(masks)): 0.9})
    source = DataSource(small_city)
    with pytest.raises(InputError, match="generator saw the buildings of 1 of 3 maps in training"):
        run_rate(RateSettings(source, PLAN, ("qpsk-1/2",), (10.0,)), tmp_path)


def test_maps_that_the_tables_of_context_learned_from_are_refused(
    small_city: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        leaks, "training_fingerprints", lambda name: np.full(int(name == leaks.CONSTANTS), 7, np.uint32)
    )
    monkeypatch.setattr(
        leaks, "seen_blocks", lambda masks, known: dict.fromkeys([*masks][:1], 0.9) if known.size else {}
    )
    settings = RateSettings(DataSource(small_city), PLAN, ("qpsk-1/2",), (10.0,))
    with pytest.raises(InputError, match="tables of context saw the buildings of 1 of 3 maps in training"):
        run_rate(settings, tmp_path)
    maps_alone = Plan((), ("png-map",), (5,), (1,), edge_maps=False)
    assert replace(settings, plan=maps_alone).judged() == ()  # nothing learned takes part


def test_a_folder_of_another_configuration_is_refused(tmp_path: Path) -> None:
    RunFolder(tmp_path, {"seed": 0, "links": ["qpsk-1/2"]})
    RunFolder(tmp_path, {"seed": 0, "links": ("qpsk-1/2",)})
    with pytest.raises(InputError, match=r"another configuration: seed differ \(seed is 0 there and 1 here\)"):
        RunFolder(tmp_path, {"seed": 1, "links": ["qpsk-1/2"]})


def test_cells_have_intervals_over_ground_and_differences_by_map(swept: tuple[Path, dict[str, Any]]) -> None:
    summary = swept[1]
    assert (summary["audit"]["maps"], summary["audit"]["spatial_blocks"]) == (3, 2)
    by_sender = {cell["sender"]: cell for cell in summary["cells"] if cell["es_n0_db"] == 10}
    ours, other = by_sender["context + 1023"], by_sender["jpeg 1/1 q5"]
    interval = ours["mse_interval"]
    assert (interval["blocks"], interval["low"], interval["high"]) == (2, None, None)
    assert interval["lowest"] < interval["mean"] < interval["highest"]
    assert interval["mean"] == pytest.approx(ours["mse"])
    assert ours["mse_against"]["mean"] == 0
    assert other["mse_against"]["mean"] == pytest.approx(other["mse"] - ours["mse"])


def test_the_audit_names_data_scale_weights_and_machine(swept: tuple[Path, dict[str, Any]]) -> None:
    audit = swept[1]["audit"]
    assert len(audit["split_sha256"]) == len(audit["truth_sha256"]) == 64
    assert audit["code_sha256"] == source_digest()
    assert set(audit["weights_sha256"]) == {"generator"}
    assert audit["scale"] == {"floor_db": -150.0, "top_db": -47.86}
    assert len(audit["weights_sha256"]["generator"]) == 64
    assert audit["machine"]["cores"] >= 1
    assert audit["wall_s"] > 0
    assert audit["peak_mb_a_worker"] > 50


def test_rivals_are_compared_at_as_many_uses_or_more(swept: tuple[Path, dict[str, Any]]) -> None:
    entries = [entry for entry in swept[1]["equal_uses"] if entry["es_n0_db"] == 10]
    lossless = {cell["sender"] for cell in swept[1]["cells"] if cell["sender"].startswith("context")}
    assert {entry["sender"] for entry in entries} == lossless
    assert len(lossless) > 1
    for entry in entries:
        assert entry["rivals"]
        for rival in entry["rivals"]:
            assert rival["channel_uses"] >= entry["channel_uses"]
            assert rival["lower_than_ours"] == (rival["mse"] < entry["mse"])


def test_the_jpeg_route_is_its_own_anchor_without_and_with_readings(swept: tuple[Path, dict[str, Any]]) -> None:
    rows = [row for row in swept[1]["bd_rates"] if row["es_n0_db"] == 10 and row["rate"] == "payload_bits"]
    found = {(row["family"], row["anchor"]): row["bd_rate_percent"] for row in rows}
    assert found["jpeg", "jpeg"] == pytest.approx(0, abs=1e-6)
    assert found["jpeg + readings", "jpeg + readings"] == pytest.approx(0, abs=1e-6)
    assert found["context + readings", "jpeg + readings"] is not None
    assert found["png-map", "jpeg"] is None
    assert ("png-map", "jpeg + readings") not in found


def test_every_family_of_senders_has_a_colour_of_its_own() -> None:
    whole = map_sender_names()
    codecs = [*codec_names(), "jscc"]
    families = [*codecs, *(codec + READINGS + how for codec in codecs for how in ("", REHEARSED)), *whole]
    families += [f"edge {name}" for name in whole if name != RAW_MAP]
    assert len(set(styles([{"family": family} for family in families]).values())) == len(families)


def test_the_report_is_well_formed_and_needs_nothing_else(swept: tuple[Path, dict[str, Any]]) -> None:
    out, summary = swept
    text = check_page(out / "report.html")
    assert text.count("<img") == 4
    assert summary["audit"]["split_sha256"] in text
    assert "edge jpeg-map 1/1 q40" in text
    assert {path.name for path in out.glob("*.png")} == {
        *("channel_uses.png", "payload_bits.png", "es_n0_db.png", "errors-0_0.png")
    }


def test_the_pack_is_a_source_with_its_own_samples() -> None:
    source = PackSource(SAMPLE_PACK)
    two = source.scene("florence-10-two")
    assert len(two.transmitters) == len(two.semantics(0).path_losses) == 2
    assert set(source.regions()) == set(source.ids())
    assert len(set(source.regions().values())) < len(source.ids())


@pytest.mark.parametrize("kind", ["data", "pack"])
def test_a_sweep_over_seen_maps_counts_those_that_any_of_its_networks_saw(
    small_city: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    def fingerprints(name: str) -> str:
        if name == "silent":
            raise InputError("it does not say")
        return name

    monkeypatch.setattr(leaks, "training_fingerprints", fingerprints)
    monkeypatch.setattr(leaks, "seen_blocks", lambda masks, name: dict.fromkeys([*masks][:1], 1.0))
    allowed = DataSource(small_city, allow_seen=True) if kind == "data" else PackSource(SAMPLE_PACK, allow_seen=True)
    blocks = [one.rpartition("_")[0] if kind == "data" else allowed.regions()[one] for one in allowed.ids()]
    of_first = blocks.count(blocks[0])
    assert allowed.seen_maps(["generator", "jscc-decoder"]) == of_first < len(allowed.ids())
    assert allowed.seen_maps(["generator", "silent"]) == len(allowed.ids())
    refused = replace(allowed, allow_seen=False)
    assert refused.seen_maps(["generator"]) == 0
    assert refused.about() != allowed.about()


def test_seen_maps_are_said_in_the_report_and_its_audit(
    swept: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from testbed.bench.rate.report import write_report

    out, summary = swept
    assert summary["audit"]["maps_seen_in_training"] == 0
    assert "saw the buildings" not in (out / "report.html").read_text()
    (out / "seen").mkdir()
    told = {"maps_seen_in_training": 2, "maps_that_selected_weights": 1}
    write_report(summary | {"audit": summary["audit"] | told}, {}, out / "seen")
    page = (out / "seen/report.html").read_text()
    assert "Networks saw the buildings of 2 of them in training" in page
    assert "selected by their error on the buildings of 1 of them" in page
