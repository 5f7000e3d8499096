"""What a queue promises: in order, each to its end, on from where it was killed, and never on with another recipe."""

import json
import os
import signal
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from radiosem.errors import InputError
from radiosem_models.training import loop as training
from radiosem_models.training.curves import draw_curves
from radiosem_models.training.queue import read_queue, standing, work_through
from radiosem_models.training.run_folder import differences, held, progress, read_outcome
from tests.models.training.conftest import LineTask


def test_recipes_are_trained_in_order_and_exported(queue, tmp_path):
    entries = read_queue(queue(("first", "0.2s"), ("second", "0.1s"), weights="weights"))
    assert [standing(entry, tmp_path / "runs").state for entry in entries] == ["waiting", "waiting"]
    told = []
    found = work_through(entries, tmp_path, tmp_path / "runs", lambda name, share, text: told.append(name))
    assert [one.state for one in found] == ["trained", "trained"]
    assert list(dict.fromkeys(told)) == ["first", "second"]
    for one in found:
        assert one.wants_s == 0
        assert one.elapsed_s >= one.budget_s
        assert one.score == pytest.approx(read_outcome(tmp_path / "runs" / one.recipe)["best"])
        assert (tmp_path / "weights" / f"{one.recipe}.onnx").is_file()
        assert (tmp_path / "runs" / one.recipe / "curves.png").is_file()


def test_what_is_trained_is_left_alone_and_more_budget_goes_on(queue, tmp_path):
    runs = tmp_path / "runs"
    (first,) = work_through(read_queue(queue(("one", "0.1s"))), tmp_path, runs)
    written = (runs / "one/last.pt").stat().st_mtime_ns
    (again,) = work_through(read_queue(queue(("one", "0.1s"))), tmp_path, runs)
    assert again == first
    assert (runs / "one/last.pt").stat().st_mtime_ns == written
    longer_s = round(first.elapsed_s + 0.3, 2)
    (entry,) = read_queue(queue(("one", f"{longer_s}s")))
    assert standing(entry, runs).state == "begun"
    (more,) = work_through((entry,), tmp_path, runs)
    assert more.state == "trained"
    assert more.elapsed_s > first.elapsed_s


def test_an_export_that_is_gone_is_made_again_without_training(queue, tmp_path):
    entries = read_queue(queue(("one", "0.1s"), weights="weights"))
    (before,) = work_through(entries, tmp_path, tmp_path / "runs")
    (tmp_path / "weights/one.onnx").unlink()
    (after,) = work_through(entries, tmp_path, tmp_path / "runs")
    assert (tmp_path / "weights/one.onnx").is_file()
    assert after.elapsed_s == before.elapsed_s


@pytest.mark.parametrize("text", ['{"recipe": "one", "fin', "[]", '{"recipe": "one"}', "[" * 100_000])
def test_a_damaged_outcome_is_named_and_written_anew(queue, tmp_path, text):
    (entry,) = read_queue(queue(("one", "0.1s")))
    (before,) = work_through((entry,), tmp_path, tmp_path / "runs")
    (tmp_path / "runs/one/outcome.json").write_text(text)
    damaged = standing(entry, tmp_path / "runs")
    assert (damaged.state, damaged.wants_s) == ("begun", 0)
    assert "one/outcome.json is no" in damaged.reason
    (after,) = work_through((entry,), tmp_path, tmp_path / "runs")
    assert (after.state, after.elapsed_s, after.reason) == ("trained", before.elapsed_s, "")


def test_a_killed_queue_goes_on_where_it_was(queue, tmp_path):
    runs = tmp_path / "runs"
    entries = read_queue(queue(("first", "0.1s"), ("second", "500s"), ("third", "0.1s")))
    during = []

    def killed_in_the_second(name, share, text):
        if name == "second":
            during.append([standing(entry, runs).state for entry in entries])
            os.kill(os.getpid(), signal.SIGTERM)

    found = work_through(entries, tmp_path, runs, killed_in_the_second)
    assert during[0] == ["trained", "training", "waiting"]
    assert found[0].state == "trained"
    assert found[2].state == "waiting"
    elapsed_s, steps, _, _ = torch.load(runs / "second/last.pt", weights_only=True)["counts"]
    assert 0 < elapsed_s < 500
    shorter = read_queue(queue(("first", "0.1s"), ("second", f"{elapsed_s + 0.2:.3f}s"), ("third", "0.1s")))
    found = work_through(shorter, tmp_path, runs)
    assert [one.state for one in found] == ["trained"] * 3
    assert torch.load(runs / "second/last.pt", weights_only=True)["counts"][1] > steps > 0


def test_one_that_cannot_be_trained_is_told_and_the_others_go_on(queue, recipe, tmp_path):
    recipe("bad", lr=1000)
    found = work_through(read_queue(queue(("bad", "0.1s"), ("good", "0.1s"))), tmp_path, tmp_path / "runs")
    assert [one.state for one in found] == ["failed", "trained"]
    assert "diverged" in found[0].reason


def test_a_queue_that_is_no_toml_is_refused_by_name(tmp_path):
    for text in ("[[training", "training = " + "[" * 100_000):
        (tmp_path / "queue.toml").write_text(text)
        with pytest.raises(InputError, match=r"queue\.toml is not usable TOML"):
            read_queue(tmp_path / "queue.toml")


def test_whatever_goes_wrong_with_one_the_others_go_on(queue, recipe, tmp_path, monkeypatch):
    def broken(self):
        if self.options["file"] == "bad":
            raise IndexError("57 is out of bounds")
        return {"score": 1.0}

    recipe("bad"), recipe("good")
    monkeypatch.setattr(LineTask, "validate", broken)
    found = work_through(read_queue(queue(("bad", "0.1s"), ("good", "0.1s"))), tmp_path, tmp_path / "runs")
    assert [one.state for one in found] == ["failed", "trained"]
    assert found[0].reason == "IndexError: 57 is out of bounds"


def test_a_score_that_is_no_number_ends_a_training(recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(LineTask, "validate", lambda self: {"score": float("nan")})
    with pytest.raises(InputError, match=r"judged as .*nan.*is there validation data"):
        training.train(recipe("one"), tmp_path, 0.1, runs_dir=tmp_path / "runs")


def test_a_training_goes_on_with_the_validation_data_it_began_with(recipe, tmp_path):
    path, runs = recipe("one"), tmp_path / "runs"
    training.train(path, tmp_path, 0.1, runs_dir=runs)
    mask = next((tmp_path / "png/buildings_complete").glob("3.png"))
    image = cv2.imread(str(mask), cv2.IMREAD_GRAYSCALE)
    image[:5] = 255 - image[:5]
    for changed in (tmp_path / "png/buildings_complete").glob("*.png"):
        cv2.imwrite(str(changed), image)
    with pytest.raises(InputError, match=r"another validation split.*--data.*--restart"):
        training.train(path, tmp_path, 0.2, resume=True, runs_dir=runs)


def test_a_training_goes_on_with_the_maps_it_was_judged_on(recipe, tmp_path, monkeypatch):
    path, runs = recipe("one"), tmp_path / "runs"
    training.train(path, tmp_path, 0.1, runs_dir=runs)
    monkeypatch.setattr(LineTask, "judged_by", "the same blocks at another frequency")
    with pytest.raises(InputError, match="or on other maps of it; give --data"):
        training.train(path, tmp_path, 0.2, resume=True, runs_dir=runs)
    monkeypatch.setattr(LineTask, "judged_by", "")  # as before maps were told
    assert training.train(path, tmp_path, 0.2, resume=True, runs_dir=runs)["finished"]


def test_a_checkpoint_that_came_without_its_best_makes_a_new_one(recipe, tmp_path):
    path, runs = recipe("one"), tmp_path / "runs"
    before = training.train(path, tmp_path, 0.2, runs_dir=runs)
    for name in ("best.pt", "log.jsonl", "outcome.json"):
        (runs / "one" / name).unlink()
    same = training.train(path, tmp_path, 0.2, resume=True, runs_dir=runs)
    assert np.isfinite(same["best"])
    after = training.train(path, tmp_path, before["elapsed_s"] + 0.1, resume=True, runs_dir=runs)
    assert after["finished"]
    assert (runs / "one/best.pt").is_file()


def test_a_killed_training_knows_its_best(recipe, tmp_path, monkeypatch):
    step = LineTask.step

    def killed(self, rng):
        if (tmp_path / "runs/one/best.pt").is_file():
            raise KeyboardInterrupt
        return step(self, rng)

    monkeypatch.setattr(LineTask, "step", killed)
    with pytest.raises(KeyboardInterrupt):
        training.train(recipe("one"), tmp_path, 60, runs_dir=tmp_path / "runs")
    kept = [torch.load(tmp_path / "runs/one" / name, weights_only=True)["counts"][3] for name in ("best.pt", "last.pt")]
    assert kept[0] == kept[1]


def test_a_changed_recipe_is_refused_by_the_key_that_differs(recipe, tmp_path):
    path, runs = recipe("one"), tmp_path / "runs"
    training.train(path, tmp_path, 0.1, runs_dir=runs)
    log = (runs / "one/log.jsonl").read_text()
    recipe("one", lr=0.02)
    with pytest.raises(InputError, match=r"options\.lr is 0\.02, was 0\.01.*new file name.*--restart"):
        training.train(path, tmp_path, 0.2, resume=True, runs_dir=runs)
    assert (runs / "one/log.jsonl").read_text() == log
    (entry,) = read_queue(_queue_of(tmp_path, path))
    (found,) = work_through((entry,), tmp_path, runs)
    assert found.state == "failed"
    assert "options.lr" in found.reason
    assert training.train(path, tmp_path, 0.1, runs_dir=runs, restart=True)["finished"]


def _queue_of(folder: Path, recipe: Path) -> Path:
    path = folder / "queue.toml"
    path.write_text(f'[[training]]\nrecipe = "{recipe}"\nbudget = "1m"\n')
    return path


def test_what_does_not_change_what_is_learned_may_be_edited(recipe, tmp_path):
    path, runs = recipe("one"), tmp_path / "runs"
    first = training.train(path, tmp_path, 0.1, runs_dir=runs)
    path.write_text(path.read_text().replace("validate_every_s = 0.01", "validate_every_s = 5") + 'cache = "here"\n')
    longer_s = first["elapsed_s"] + 0.2
    assert training.train(path, tmp_path, longer_s, resume=True, runs_dir=runs)["step"] > first["step"]


def test_a_checkpoint_without_a_recipe_is_taken_and_gets_one(recipe, tmp_path):
    path, runs = recipe("one"), tmp_path / "runs"
    training.train(path, tmp_path, 0.1, runs_dir=runs)
    state = torch.load(runs / "one/last.pt", weights_only=True)
    del state["recipe"]
    torch.save(state, runs / "one/last.pt")
    recipe("one", lr=0.02)
    longer_s = state["counts"][0] + 0.2
    assert training.train(path, tmp_path, longer_s, resume=True, runs_dir=runs)["step"] > state["counts"][1]
    assert torch.load(runs / "one/last.pt", weights_only=True)["recipe"]["options"]["lr"] == 0.02


def test_a_checkpoint_of_other_networks_is_refused(recipe, tmp_path):
    path, runs = recipe("one"), tmp_path / "runs"
    training.train(path, tmp_path, 0.1, runs_dir=runs)
    state = torch.load(runs / "one/last.pt", weights_only=True)
    del state["recipe"]
    state["modules"]["line"]["weight"] = torch.zeros(2, 2)
    torch.save(state, runs / "one/last.pt")
    with pytest.raises(InputError, match="checkpoint of other networks"):
        training.train(path, tmp_path, 0.2, resume=True, runs_dir=runs)


def test_a_training_is_never_thrown_away_unasked(recipe, tmp_path):
    path, runs = recipe("one"), tmp_path / "runs"
    training.train(path, tmp_path, 0.1, runs_dir=runs)
    with pytest.raises(InputError, match=r"holds a training of .* --resume.*--restart"):
        training.train(path, tmp_path, 0.1, runs_dir=runs)
    assert (runs / "one/last.pt").is_file()


def test_two_processes_never_train_in_one_folder(recipe, tmp_path):
    with held(tmp_path / "runs/one"), pytest.raises(InputError, match="another process"):
        training.train(recipe("one"), tmp_path, 0.1, runs_dir=tmp_path / "runs")


def test_tuples_are_lists_and_a_missing_key_is_named():
    assert differences({"options": {"widths": (8, 16)}}, {"options": {"widths": [8, 16]}}) == []
    assert differences({"seed": 1, "options": {"lr": 1}}, {"seed": 2, "options": {}}) == [
        "options.lr is 'missing', was 1",
        "seed is 2, was 1",
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x =", "not usable"),
        ("", r"no \[\[training\]\]"),
        ('[[training]]\nbudget = "1m"\n', "entry 1 has"),
        ('[[training]]\nrecipe = "none.toml"\nbudget = "1m"\n', r"none\.toml"),
        ('[[training]]\nrecipe = "RECIPE"\nbudget = "long"\n', "budget is 'long'"),
        ('[[training]]\nrecipe = "RECIPE"\nbudget = "1m"\nspeed = 3\n', "speed"),
        ('[[training]]\nrecipe = "RECIPE"\nbudget = 3600\n', "budget 3600; write it in quotes"),
        ('[training]\nrecipe = "RECIPE"\nbudget = "1m"\n', r"below its own \[\[training\]\]"),
        ('[[training]]\nrecipe = "RECIPE"\nbudget = "1m"\nreplace = "no"\n', "replace 'no'; it must be true or false"),
        ('[[training]]\nrecipe = "RECIPE"\nbudget = "1m"\n' * 2, "second one"),
    ],
)
def test_an_unusable_queue_is_refused_before_anything_is_trained(text, says, recipe, tmp_path):
    path = tmp_path / "queue.toml"
    path.write_text(text.replace("RECIPE", str(recipe("one"))))
    with pytest.raises(InputError, match=says):
        read_queue(path)


def test_a_log_cut_short_still_tells_and_draws(tmp_path):
    lines = [
        {"elapsed_s": 1.0, "step": 1, "images": 8, "losses": {"mse": 0.5}},
        {"elapsed_s": 2.0, "step": 2, "images": 16, "validation": {"score": 0.25}},
    ]
    (tmp_path / "log.jsonl").write_text("\n".join(map(json.dumps, lines)) + '\n{"elapsed_s": 3.0, "st')
    assert (progress(tmp_path).elapsed_s, progress(tmp_path).best) == (2.0, 0.25)
    assert draw_curves(tmp_path).read_bytes().startswith(b"\x89PNG")


def test_a_folder_without_a_log_has_no_curve(tmp_path):
    with pytest.raises(InputError, match="holds no line"):
        draw_curves(tmp_path)


def test_weights_that_were_moved_to_where_they_belong_count_as_trained(queue, tmp_path):
    (entry,) = read_queue(queue(("one", "0.1s"), weights="weights"))
    work_through((entry,), tmp_path, tmp_path / "runs")
    outcome = tmp_path / "runs/one/outcome.json"
    told = json.loads(outcome.read_text()) | {"files": ["elsewhere/one.onnx"]}
    outcome.write_text(json.dumps(told))
    found = standing(entry, tmp_path / "runs")
    assert (found.state, found.wants_s, found.files) == ("trained", 0, (str(tmp_path / "weights/one.onnx"),))
