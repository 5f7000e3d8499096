"""The demo: what it scores, sums up, draws and reports."""

import dataclasses
import io
import json
import math
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from rich.console import Console
from typer.testing import CliRunner

from radiosem.errors import InputError
from testbed.cli import app
from testbed.commands.demo import tell
from testbed.demo.arrival import Arrival, Loss
from testbed.demo.panel import draw_panel
from testbed.demo.report import write_report
from testbed.demo.run import DemoSettings, choose, summarise
from testbed.pack import PackEntry

PROMISED = {
    "id",
    "codec",
    "payload_bits",
    "channel_uses",
    "snr_db",
    "mse",
    "mse_outdoor",
    "rmse_db",
    "outage_iou",
    "coverage_iou",
    "edge_ms",
    "receiver_ms",
}


def test_over_the_learned_link_energy_a_bit_means_nothing(arrival: Arrival) -> None:
    received = dataclasses.replace(arrival.received, provenance=arrival.received.provenance | {"link": "jscc"})
    summary = summarise(DemoSettings(), [dataclasses.replace(arrival, received=received)], 12.0)
    assert summary["maps"][0]["eb_n0_db"] is summary["mean"]["eb_n0_db"] is None


def test_the_summary_has_every_key_promised_and_is_json(arrival: Arrival) -> None:
    summary = json.loads(json.dumps(summarise(DemoSettings(), [arrival], 12.0), allow_nan=False))
    (row,) = summary["maps"]
    assert row.keys() >= PROMISED | {"bit_errors", "edge_stage_ms", "receiver_stage_ms", "degraded", "classifier"}
    assert row["eb_n0_db"] == pytest.approx(10 - 10 * math.log10(4000 / 4400))
    assert row["edge_stage_ms"] == {"segment": 60.0, "fit": 2.0}
    assert row["edge_ms"] == 62.0
    assert summary["mean"]["mse"] == row["mse"]
    assert summary["machine"]["cores"] >= 1
    assert "python" in summary["versions"]


def test_a_map_that_is_3_db_too_strong_scores_3_db(arrival: Arrival) -> None:
    scores = arrival.scores.map
    assert scores.rmse_db == pytest.approx(3, abs=0.05)
    assert scores.censored_share is not None
    truth = arrival.truth
    scored = ~truth.buildings & ~arrival.entry.samples().cells(arrival.entry.grid.shape)
    assert scores.censored_share == pytest.approx(truth.censored[scored].mean())
    assert arrival.scores.wrong_building_share == pytest.approx(truth.buildings[:8].sum() / truth.buildings.size)


def test_pixels_that_were_sampled_count_nowhere_but_in_the_similarity(arrival: Arrival) -> None:
    from testbed.demo.received import score

    spoiled = arrival.received.map_dbm.copy()
    spoiled[arrival.entry.samples().cells(arrival.entry.grid.shape) & ~arrival.received.buildings] = -20
    again = score(arrival.entry, arrival.truth, dataclasses.replace(arrival.received, map_dbm=spoiled), -90.0)
    assert again.map.rmse_db == arrival.scores.map.rmse_db
    assert again.map.outage_iou == arrival.scores.map.outage_iou
    assert again.map.mse == arrival.scores.map.mse
    assert again.map.ssim < arrival.scores.map.ssim


def test_the_panel_shows_maps_north_up_and_the_report_needs_nothing_else(arrival: Arrival, tmp_path: Path) -> None:
    draw_panel(arrival, -90.0, tmp_path / f"{arrival.entry.id}.png")
    with Image.open(tmp_path / f"{arrival.entry.id}.png") as image:
        assert image.format == "PNG"
        pixels = np.asarray(image.convert("RGB"))
    assert pixels.shape[1] == 1800
    _assert_landscape_inside(pixels, arrival)

    text = write_report(summarise(DemoSettings(out=tmp_path), [arrival], 12.0), tmp_path).read_text("utf-8")
    assert arrival.entry.id in text
    assert "data:image/png;base64," in text
    assert not re.search(r"""(src|href)=["'](?!data:|#)""", text)
    assert "OpenStreetMap" in text
    assert "nan" not in re.sub('base64,[^"]*', "", text).lower().split()


def test_a_map_that_did_not_arrive_is_told_everywhere_with_its_reason(
    arrival: Arrival, entries: dict[str, PackEntry], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = DemoSettings(out=tmp_path)
    summary = summarise(settings, [arrival], 1.0, [Loss(entries["florence-04-a"], "the <air> ate it")])
    assert summary["lost"] == [{"id": "florence-04-a", "reason": "the <air> ate it"}]
    (tmp_path / f"{arrival.entry.id}.png").write_bytes(b"")
    assert "<b>florence-04-a</b>: the &lt;air&gt; ate it" in write_report(summary, tmp_path).read_text("utf-8")

    monkeypatch.setattr("testbed.commands.demo.run_demo", lambda *_: summary)
    result = CliRunner().invoke(app, ["demo", "--out", str(tmp_path)])
    assert result.exit_code == 1
    assert "florence-04-a did not arrive: the <air> ate it" in result.stdout


def _assert_landscape_inside(panel: np.ndarray, arrival: Arrival) -> None:
    """The landscape must appear in the panel as it is: not mirrored, not turned."""
    landscape = cv2.imread(str(arrival.entry.image))
    assert landscape is not None
    small = cv2.resize(landscape, (302, 302), interpolation=cv2.INTER_AREA)[:, :, ::-1]
    area = panel[100:520, 40:420].astype(np.float32)

    def likeness(picture: np.ndarray) -> float:
        return float(cv2.matchTemplate(area, np.ascontiguousarray(picture, np.float32), cv2.TM_CCOEFF_NORMED).max())

    upright = likeness(small)
    assert upright > 0.5  # samples and transmitters are drawn over it
    assert all(upright > likeness(turned) + 0.3 for turned in (small[::-1], small[:, ::-1], small.transpose(1, 0, 2)))


def test_an_unknown_observation_is_refused_with_those_there_are() -> None:
    with pytest.raises(InputError, match=r"it holds florence-02-a, "):
        choose(DemoSettings(only=("atlantis",)))


def test_the_learned_link_is_refused_a_codec_that_it_does_not_take() -> None:
    with pytest.raises(InputError, match=r"codec is 'context' and link 'jscc', which takes 'bitmap' alone"):
        choose(DemoSettings(link="jscc"))
    assert choose(DemoSettings(link="jscc", codec="bitmap"))


def test_two_observations_cross_between_real_processes(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    ids = ["florence-10-two", "florence-13-cars"]
    wanted = [word for name in ids for word in ("--only", name)]
    result = CliRunner().invoke(app, ["demo", "--out", str(out), "--json", *wanted])
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)
    assert summary == json.loads((out / "summary.json").read_text())
    assert [row["id"] for row in summary["maps"]] == ids
    for row in summary["maps"]:
        assert row.keys() >= PROMISED
        assert 500 < row["payload_bits"] < row["channel_uses"] * 2
        assert row["edge_ms"] > 0
        assert row["receiver_ms"] > 0
        assert (out / row["panel"]).stat().st_size > 50_000
    for name in ("report.html", "edge.log", "receiver.log"):
        assert (out / name).stat().st_size > 0


@pytest.mark.parametrize("width", [80, 200])
def test_the_table_tells_milliseconds_of_every_stage_however_narrow(arrival: Arrival, width: int) -> None:
    console = Console(width=width, record=True, file=io.StringIO())
    tell(console, summarise(DemoSettings(), [arrival], 12.0), Path("out"))
    shown = console.export_text()
    for stage in ("segment", "fit", "decode", "generate"):
        assert stage in shown
