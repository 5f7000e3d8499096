"""What is published: it gives way only to what is better, and a training without a checkpoint goes on from it."""

import shutil
from pathlib import Path

import pytest

from radiosem.errors import InputError
from radiosem_models.training import loop as training
from radiosem_models.training.manifest import list_weights, listed
from radiosem_models.training.queue import read_queue, standing, work_through


def _list_better(weights: Path, **changes) -> None:
    """Make the listed network one whose validation score nobody reaches."""
    (entry,) = (entry for entry in listed(weights) if entry["name"] == "one")
    entry["meta"] |= {"curve": [[50.0, 7, 0.5], [99.0, 8, -1.0]], "images": 8} | changes
    list_weights(weights, entry)


def test_a_worse_export_does_not_take_the_place_of_a_better_one(queue, tmp_path):
    weights, runs = tmp_path / "weights", tmp_path / "runs"
    path = queue(("one", "0.1s"), weights="weights")
    work_through(read_queue(path), tmp_path, runs)
    _list_better(weights)
    (weights / "one.onnx").write_bytes(b"better")
    shutil.rmtree(runs)
    fresh = training.train(tmp_path / "one.toml", tmp_path, 0.1, runs_dir=runs, weights_dir=weights)
    assert fresh["files"] == [str(runs / "one/one.onnx")]
    assert "scores -1 on the same validation split" in fresh["kept_back"]
    assert (weights / "one.onnx").read_bytes() == b"better"
    (found,) = work_through(read_queue(path), tmp_path, runs)
    assert (found.state, found.files) == ("trained", (str(runs / "one/one.onnx"),))
    assert "--replace" in found.reason
    path.write_text(path.read_text() + "replace = true\n")
    (found,) = work_through(read_queue(path), tmp_path, runs)
    assert (found.state, found.files, found.reason) == ("trained", (str(weights / "one.onnx"),), "")
    assert (weights / "one.onnx").read_bytes() == (runs / "one/one.onnx").read_bytes()


@pytest.mark.parametrize(
    "changes",
    [
        {"judged_on": "another split"},
        {"judged_by": "other maps"},
        {"curve": [[50.0, 7, -1.0], [99.0, 8, 1e9]]},  # the better score is of an earlier network
        {"curve": []},
    ],
)
def test_only_a_better_score_of_that_network_on_that_split_keeps_an_export_back(changes, queue, tmp_path):
    weights = tmp_path / "weights"
    entries = read_queue(queue(("one", "0.1s"), weights="weights"))
    work_through(entries, tmp_path, tmp_path / "runs")
    _list_better(weights, **changes)
    shutil.rmtree(tmp_path / "runs")
    outcome = training.train(entries[0].path, tmp_path, 0.1, runs_dir=tmp_path / "runs", weights_dir=weights)
    assert outcome["kept_back"] == ""
    assert outcome["files"] == [str(weights / "one.onnx")]


@pytest.mark.parametrize(("budget", "state"), [("99s", "trained"), ("100s", "begun")])
def test_without_the_folder_of_its_training_an_entry_stands_by_its_weights(queue, tmp_path, budget, state):
    weights = tmp_path / "weights"
    work_through(read_queue(queue(("one", "0.1s"), weights="weights")), tmp_path, tmp_path / "runs")
    _list_better(weights)
    one, other = read_queue(queue(("one", budget), ("other", "1s"), weights="weights"))
    found = standing(one, tmp_path / "elsewhere")
    # Trained to the end of its curve, but its best network, which it would go on from, is of earlier.
    (seconds,) = (entry["meta"]["seconds"] for entry in listed(weights) if entry["name"] == "one")
    elapsed_s, wants_s = (99.0, 0.0) if state == "trained" else (seconds, 100.0 - seconds)
    assert (found.state, found.score, found.elapsed_s, found.wants_s) == (state, -1.0, elapsed_s, wants_s)
    assert found.files == (str(weights / "one.onnx"),)
    assert standing(other, tmp_path / "elsewhere").state == "waiting"
    assert not (tmp_path / "elsewhere").exists()


def test_where_only_the_weights_are_here_a_training_goes_on_from_them(queue, tmp_path):
    weights, runs = tmp_path / "weights", tmp_path / "runs"
    (before,) = work_through(read_queue(queue(("one", "0.2s"), weights="weights")), tmp_path, runs)
    shutil.rmtree(runs)
    (entry,) = (one for one in listed(weights) if one["name"] == "one")
    entries = read_queue(queue(("one", "0.4s"), weights="weights"))
    found = standing(entries[0], runs)
    assert (found.state, found.elapsed_s) == ("begun", entry["meta"]["seconds"])
    (after,) = work_through(entries, tmp_path, runs)
    assert after.elapsed_s >= 0.4
    (entry_after,) = (one for one in listed(weights) if one["name"] == "one")
    images = entry["meta"]["images"]
    curve = [point for point in entry["meta"]["curve"] if point[1] <= images]  # up to the network that was exported
    assert [point[1:] for point in entry_after["meta"]["curve"][: len(curve)]] == [point[1:] for point in curve]
    assert entry_after["meta"]["images"] > images
    assert entry_after["meta"]["taken_up_s"] == [entry["meta"]["seconds"]]
    assert after.score < before.score


def test_a_changed_recipe_does_not_go_on_from_weights_either(queue, recipe, tmp_path):
    weights, runs = tmp_path / "weights", tmp_path / "runs"
    entries = read_queue(queue(("one", "0.2s"), weights="weights"))
    work_through(entries, tmp_path, runs)
    shutil.rmtree(runs)
    path = recipe("one", lr=0.02)
    with pytest.raises(InputError, match=r"lists one of a recipe .*one\.toml with other values"):
        training.train(path, tmp_path, 0.4, resume=True, runs_dir=runs, weights_dir=weights)


def test_what_is_published_is_not_published_again_without_training(queue, recipe, tmp_path):
    weights, runs = tmp_path / "weights", tmp_path / "runs"
    work_through(read_queue(queue(("one", "0.2s"), weights="weights")), tmp_path, runs)
    shutil.rmtree(runs)
    with pytest.raises(InputError, match=r"budget_s is 0\.01, but .* lists one after 0\.\d+ s of it"):
        training.train(tmp_path / "one.toml", tmp_path, 0.01, resume=True, runs_dir=runs, weights_dir=weights)


def test_a_full_disk_leaves_what_was_listed(tmp_path, monkeypatch):
    old = {"name": "a", "file": "a.onnx", "sha256": "0", "metrics": {"score": 1.0}}
    (tmp_path / "a.onnx").write_bytes(b"old")
    list_weights(tmp_path, old)
    fresh = tmp_path / "a.tmp"
    fresh.write_bytes(b"new")
    with pytest.raises(ValueError, match="Out of range"):  # TOML readers refuse what JSON writers call NaN
        list_weights(tmp_path, old | {"metrics": {"score": float("nan")}}, fresh)

    def full(*given):
        raise OSError("No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space"):
        list_weights(tmp_path, old | {"sha256": "1"}, fresh)
    assert (tmp_path / "a.onnx").read_bytes() == b"old"
    assert listed(tmp_path) == [old]
