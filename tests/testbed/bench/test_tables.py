"""The papers' tables: each figure beside its paper's, kept between runs for the same masks and weights only."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from radiosem.errors import InputError, RadiosemError
from testbed.bench import learning, published, tables
from testbed.bench.speed import time_alone
from testbed.bench.tables import TableSettings, run_tables
from testbed.bench.tables_report import TABLES, markdown

FORMULAS = ("path-loss", "depth-map")
MODELS = (*FORMULAS, "knn")


@pytest.fixture(scope="module")
def outcome(small_city: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Folder and summary of the tables of two formulas; times are the real ones of a process each."""
    out = tmp_path_factory.mktemp("tables")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PYTHONPATH", ":".join(path for path in sys.path if path))
        return out, run_tables(TableSettings(small_city, models=MODELS, allow_seen=True), out)


def test_every_table_has_our_rows_and_all_of_the_papers(outcome: tuple[Path, dict[str, Any]]) -> None:
    found = outcome[1]["tables"]
    for name, rows in (
        ("table_1", published.TABLE_I),
        ("table_2", published.TABLE_II),
        ("radiodiff_2_static", published.RADIODIFF_STATIC),
        ("radiodiff_2_dynamic", published.RADIODIFF_DYNAMIC),
        ("radiodiff_4", published.RADIODIFF_COST),
    ):
        assert {row.method for row in rows} <= {row["method"] for row in found[name]}
    assert [row["model"] for row in found["table_1"][:2]] == list(FORMULAS)
    ours = next(row for row in found["table_2"] if row["model"] == "vqvae")
    assert (ours["method"], ours["paper_mse_e4"], ours["paper_kb"]) == ("Our method (VQVAE)", 14.22, 8.1)
    assert 0 < ours["kbit"] < 10


def test_the_sample_free_figure_is_the_evaluations(outcome: tuple[Path, dict[str, Any]], small_city: Path) -> None:
    row = outcome[1]["tables"]["table_1"][0]
    assert row["mse_e4"] == pytest.approx(1e4 * tables.evaluate("path-loss", small_city).scores.mse)
    assert row["low_e4"] <= row["mse_e4"] <= row["high_e4"]


def test_what_samples_tell_is_scored_at_every_share(outcome: tuple[Path, dict[str, Any]], small_city: Path) -> None:
    rows = outcome[1]["tables"]["samples"]
    assert [(row["model"], row["share"]) for row in rows] == [("knn", share) for share in tables.SHARES]
    assert rows[2]["mse_e4"] == pytest.approx(1e4 * tables.evaluate("knn", small_city, samples=0.1).scores.mse)
    assert rows[2]["mse_e4"] < rows[0]["mse_e4"]


def test_time_and_memory_are_of_a_process_alone(outcome: tuple[Path, dict[str, Any]]) -> None:
    cost = {row["model"]: row for row in outcome[1]["tables"]["radiodiff_4"]}["path-loss"]
    assert cost["network_ms"] < cost["features_ms"]
    assert cost["peak_mb"] >= cost["base_mb"] > 30
    assert outcome[1]["speed"]["network"] is None  # neither network was asked for


def test_scores_are_kept_until_masks_or_weights_change(
    outcome: tuple[Path, dict[str, Any]], small_city: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = TableSettings(small_city, models=("path-loss",), allow_seen=True)
    quiet: Any = lambda *progress: None  # noqa: E731
    task = tables.Scoring("path-loss", "RT")
    arguments = ([task], outcome[0], 1, False, quiet)

    def never(*given: Any, **more: Any) -> None:
        raise RadiosemError("scored again")

    monkeypatch.setattr(tables, "evaluate", never)
    split = outcome[1]["audit"]["split_sha256"]
    assert tables._scores(settings, split, *arguments)[task]["maps"] == 3
    assert tables._scores(settings, "0" * 64, *arguments)[task] == {"refused": "scored again"}
    monkeypatch.setattr(tables, "weights_of", lambda model: {"path-loss": "1" * 64})
    assert tables._scores(settings, split, *arguments)[task] == {"refused": "scored again"}


def test_markdown_and_json_say_the_same(outcome: tuple[Path, dict[str, Any]]) -> None:
    out, summary = outcome
    assert json.loads((out / "tables.json").read_text()) == json.loads(json.dumps(summary))
    text = (out / "tables.md").read_text()
    assert text == markdown(summary)
    for _, title, columns, _ in TABLES:
        assert f"## {title}" in text
        assert "| " + " | ".join(heading for heading, _, _ in columns) + " |" in text
    assert "the paper's figure alone" in text
    page = (out / "report.html").read_text()
    assert page.count("<table>") == len(TABLES)
    assert summary["audit"]["split_sha256"] in page


def test_a_reconstructor_that_is_not_known_is_named(small_city: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"models has 'magic'; known are .*cgan"):
        run_tables(TableSettings(small_city, models=("magic",)), tmp_path)
    with pytest.raises(InputError, match="gain is 'DPM'"):
        run_tables(TableSettings(small_city, static_gain="DPM"), tmp_path)


def test_a_reconstructor_that_cannot_be_timed_says_why(small_city: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", ":".join(path for path in sys.path if path))
    with pytest.raises(RadiosemError, match=r"magic could not be timed: .*magic"):
        time_alone("magic", small_city, "RT", "test", 1)


def _trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, **meta: Any) -> None:
    entry = {key: "none" for key in ("recipe", "licence")} | {"name": name, "file": "it.onnx", "sha256": "0" * 64}
    lines = [
        f"{key} = {json.dumps(value)}" for key, value in (entry | {"bytes": 1, "data": "here, split train 1"}).items()
    ]
    lines += ["[weights.metrics]", "val_mse = 0.01", "[weights.meta]"]
    lines += [f"{key} = {json.dumps(value)}" for key, value in meta.items()]
    (tmp_path / "MANIFEST.toml").write_text("[[weights]]\n" + "\n".join(lines))
    monkeypatch.setenv("RADIOSEM_WEIGHTS", str(tmp_path))
    monkeypatch.setattr(learning, "map_codec_names", lambda: ())


def test_rivals_are_compared_at_equal_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    curve = [[600, 10, 0.08], [1200, 20, 0.04], [1800, 30, 0.05], [2400, 40, 0.03]]
    facts = {"images": 20, "seconds": 1200.0, "parameters": 1_500_000, "judged_on": "ab"}
    _trained(tmp_path, monkeypatch, "rival-ae", curve=curve, **facts)
    (row,) = learning.learning_rows(("path-loss", "ae"))
    assert (row["data"], row["parameters_m"], row["val_e4"]) == ("here", 1.5, 100)
    assert (row["images"], row["minutes"], row["best_minutes"]) == (40, 40, 20)
    assert [row[f"val_e4_at_{minutes}"] for minutes in (15, 40, 80)] == [pytest.approx(800), pytest.approx(300), None]
    assert row["late_gain"] == pytest.approx(0.25)  # .04 by minute 30, .03 in the end
    assert learning.draw([row], tmp_path / "curves.png") is not None


def test_a_network_that_does_not_say_how_it_was_trained_has_a_row_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _trained(tmp_path, monkeypatch, "rival-ae")
    (row,) = learning.learning_rows(("ae",))
    assert {row[key] for key in ("images", "minutes", "parameters_m", "val_e4_at_15", "late_gain")} == {None}
    assert learning.draw([row], tmp_path / "curves.png") is None
