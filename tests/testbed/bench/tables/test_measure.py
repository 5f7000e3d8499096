"""The papers' tables: each figure beside its paper's, kept between runs for the same maps and weights only."""

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from radiosem.errors import InputError, RadiosemError
from radiosem_models.data import Dataset
from testbed.bench.tables import measure, published
from testbed.bench.tables.measure import TableSettings, run_tables
from testbed.bench.tables.report import TABLES, markdown, told
from testbed.bench.tables.rows import less_ours
from testbed.bench.tables.speed import time_alone
from testbed.scores.reconstruct import evaluate

FORMULAS = ("path-loss", "depth-map")
MODELS = (*FORMULAS, "knn")
Change = Callable[[Path], None]  # of a data set, in place


def _quiet(*progress: Any) -> None:
    """Reports nothing."""


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
    assert row["mse_e4"] == pytest.approx(1e4 * measure.evaluate("path-loss", small_city).scores.mse)
    interval = row["mse_interval_e4"]
    assert (interval["low"], interval["high"], interval["blocks"]) == (None, None, 2)
    assert interval["lowest"] < row["mse_e4"] < interval["highest"]
    assert f"2 regions: {interval['lowest']:.2f}, {interval['highest']:.2f}" in markdown(outcome[1])


def test_reconstructors_are_compared_with_our_generator_map_by_map(small_city: Path) -> None:
    law, ours = (evaluate(model, small_city).as_dict(by_map=True) for model in FORMULAS)
    dataset = Dataset(small_city)
    assert measure._paired({"path-loss": law}, dataset) == {}
    found = measure._paired({"path-loss": law, "cgan": ours, "ae": {"refused": "seen"}}, dataset)
    assert found.keys() == {"path-loss"}
    difference = found["path-loss"]
    assert difference.mean == pytest.approx(law["mse"] - ours["mse"])
    by_map = [error - ours["mse_by_map"][map_id] for map_id, error in law["mse_by_map"].items()]
    assert min(by_map) <= difference.lowest < difference.highest <= max(by_map)
    row = told("table_1", {"model": "path-loss", "method": None, **less_ours(difference)})
    assert row["less_ours"].startswith(f"{1e4 * difference.mean:+.2f} (2 regions: ")


def test_rows_of_quality_say_of_how_many_maps_and_how_sure_they_are(outcome: tuple[Path, dict[str, Any]]) -> None:
    row = outcome[1]["tables"]["radiodiff_2_static"][0]
    assert (row["maps"], row["rmse_interval"]["blocks"]) == (3, 2)
    assert row["nmse_interval"]["lowest"] < row["nmse"] < row["nmse_interval"]["highest"]
    assert row["rmse"] == pytest.approx((outcome[1]["tables"]["table_1"][0]["mse_e4"] / 1e4) ** 0.5)


def test_tiles_without_places_are_said_to_be_taken_as_independent(small_city: Path, tmp_path: Path) -> None:
    assert Dataset(small_city).regions_known("test")
    shutil.copytree(small_city, tmp_path / "here")
    (tmp_path / "here/dataset.json").unlink()
    settings = TableSettings(tmp_path / "here", split="all")
    audit = measure._audit(settings, Dataset(tmp_path / "here"), ["RT"], [])
    assert audit["independence"] == "regions unknown: tiles taken as independent, even if they share ground"


def test_what_samples_tell_is_scored_at_every_share(outcome: tuple[Path, dict[str, Any]], small_city: Path) -> None:
    rows = outcome[1]["tables"]["samples"]
    assert [(row["model"], row["share"]) for row in rows] == [("knn", share) for share in measure.SHARES]
    assert rows[2]["mse_e4"] == pytest.approx(1e4 * measure.evaluate("knn", small_city, samples=0.1).scores.mse)
    assert rows[2]["mse_e4"] < rows[0]["mse_e4"]
    assert all("by the true mask" in row["buildings"] for row in rows)


def test_time_and_memory_are_of_a_process_alone(outcome: tuple[Path, dict[str, Any]]) -> None:
    cost = {row["model"]: row for row in outcome[1]["tables"]["radiodiff_4"]}["path-loss"]
    assert cost["network_ms"] < cost["features_ms"]
    assert cost["base_mb"] > 30
    assert 0 <= cost["memory_mb"] < 50  # it looks at one channel, without compiled loops
    assert cost["network_ms"] == min(cost["lean_ms"], cost["eager_ms"])
    assert outcome[1]["speed"]["network"] is None  # neither network was asked for


def _copied(change: str) -> Change:
    """Another block's file in the place of block 1's."""

    def made(city: Path) -> None:
        (city / change).write_bytes((city / change.replace("1", "2", 1)).read_bytes())

    return made


def _floor_lowered(city: Path) -> None:
    about = json.loads((city / "dataset.json").read_text())
    about["floor_db"] -= 20
    (city / "dataset.json").write_text(json.dumps(about))


@pytest.mark.parametrize(
    ("change", "score"),
    [
        (_copied("gain/RT/1_0.png"), "mse"),
        (_copied("antenna/1.json"), "mse"),
        (_copied("png/buildings_complete/1.png"), "mse"),
        (_floor_lowered, "rmse_db"),
    ],
)
def test_scores_of_other_maps_masks_or_scales_are_taken_anew(
    outcome: tuple[Path, dict[str, Any]], small_city: Path, tmp_path: Path, change: Change, score: str
) -> None:
    shutil.copytree(small_city, tmp_path / "city")
    change(tmp_path / "city")
    task = measure.Scoring("path-loss", "RT")
    before, after = (
        measure._scores(TableSettings(city, allow_seen=True), Dataset(city), [task], outcome[0], 1, False, _quiet)[task]
        for city in (small_city, tmp_path / "city")
    )
    assert before[score] != after[score]


def test_scores_are_kept_until_weights_code_or_what_is_allowed_change(
    outcome: tuple[Path, dict[str, Any]], small_city: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = TableSettings(small_city, models=("path-loss",), allow_seen=True)
    task = measure.Scoring("path-loss", "RT")
    arguments = (Dataset(small_city), [task], outcome[0], 1, False, _quiet)

    def never(*given: Any, **more: Any) -> None:
        raise RadiosemError("scored again")

    monkeypatch.setattr(measure, "evaluate", never)
    assert measure._scores(settings, *arguments)[task]["maps"] == 3
    unseen = replace(settings, allow_seen=False)  # kept scores may be of maps that such a run refuses
    assert measure._scores(unseen, *arguments)[task] == {"refused": "scored again"}
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr(measure, "source_digest", lambda: "other code")
        assert measure._scores(settings, *arguments)[task] == {"refused": "scored again"}
    monkeypatch.setattr(measure, "weights_of", lambda model: {"path-loss": "1" * 64})
    assert measure._scores(settings, *arguments)[task] == {"refused": "scored again"}


def test_weights_that_change_while_they_are_scored_are_no_score(
    small_city: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = {"path-loss": "1" * 64}

    def scored(*given: Any, **more: Any) -> Any:
        listed["path-loss"] = "2" * 64
        return evaluate(*given, **more)

    monkeypatch.setattr(measure, "weights_of", lambda model: listed)
    monkeypatch.setattr(measure, "evaluate", scored)
    arguments = (Dataset(small_city), [measure.Scoring("path-loss", "RT")], tmp_path, 1, False, _quiet)
    with pytest.raises(InputError, match="weights of path-loss changed"):
        measure._scores(TableSettings(small_city, allow_seen=True), *arguments)
    assert not [*tmp_path.glob("scores/*.json")]


def test_a_leak_of_the_rate_table_leaves_the_others(
    small_city: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leak(*given: Any) -> None:
        raise InputError("generator saw the buildings")

    monkeypatch.setattr(measure.DataSource, "refuse_seen", leak)
    monkeypatch.setattr(measure, "_costs", lambda *given: {})
    summary = run_tables(TableSettings(small_city, models=("knn",), allow_seen=True), tmp_path)
    assert summary["audit"]["rate_table"] == "left out: generator saw the buildings"
    assert all(row["model"] is None for row in summary["tables"]["table_2"])
    assert (tmp_path / "report.html").is_file()


def test_a_wrong_number_of_maps_is_told_before_anything_is_scored(small_city: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="maps is 1000"):
        run_tables(TableSettings(small_city, models=("knn",), maps=1000), tmp_path)
    assert not [*tmp_path.glob("scores/*")]


def test_maps_that_were_seen_are_counted_in_rows_note_and_audit(
    small_city: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scored(model: str, *given: Any, **more: Any) -> Any:
        outcome = evaluate(model, *given, **more)
        return replace(outcome, seen=True, seen_maps=2, selected_maps=1) if model == "depth-map" else outcome

    monkeypatch.setattr(measure, "evaluate", scored)
    monkeypatch.setattr(measure, "_rate", lambda *given: (None, "left out: not asked for"))
    monkeypatch.setattr(measure, "_costs", lambda *given: {})
    summary = run_tables(TableSettings(small_city, models=FORMULAS, allow_seen=True), tmp_path)
    assert [row["seen_maps"] for row in summary["tables"]["table_1"][:2]] == [0, 2]
    assert [row["seen_maps"] for row in summary["tables"]["radiodiff_2_static"][:2]] == [0, 2]
    assert summary["audit"]["maps_seen_in_training"] == 2
    text = markdown(summary)
    assert "maps seen in training |" in text
    assert "networks saw up to 2 in training" in text
    assert "up to 1 are of the validation by which weights were selected" in text
    assert "maps that selected the weights |" in text
    assert "no building of which was seen" not in text


def test_nothing_is_said_of_seen_maps_where_none_was(outcome: tuple[Path, dict[str, Any]]) -> None:
    summary = json.loads(json.dumps(outcome[1]))
    for rows in summary["tables"].values():
        for row in rows:
            row.pop("seen_maps", None)
            row.pop("selected_maps", None)
    unseen = {"maps_seen_in_training": 0, "maps_that_selected_weights": 0}
    text = markdown(summary | {"audit": summary["audit"] | unseen})
    assert "no building of which was seen in training" in text
    assert "maps seen in training |" not in text
    assert "selected the weights |" not in text


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
