"""What a queue promises: in order, each to its end, on from where it was killed, and never on with another recipe."""

import json
import os
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from radiosem.errors import InputError
from radiosem_models.training import loop as training
from radiosem_models.training.curves import draw_curves
from radiosem_models.training.export import Exported, export_network
from radiosem_models.training.manifest import list_weights, listed
from radiosem_models.training.queue import read_queue, standing, work_through
from radiosem_models.training.run_folder import differences, held, progress, read_outcome

HEAD = 'task = "line"\nseed = 1\nema = 0.9\nvalidate_every_s = 0.01\n[options]\n'


class LineTask:
    """Learns y = 3 x by one weight, slowly enough to be killed on the way."""

    averaged = ("line",)
    phase = 0

    def __init__(self, options, data_dir, seed):
        self.options = options
        self.line = torch.nn.Linear(1, 1)
        self._optimizer = torch.optim.SGD(self.line.parameters(), options["lr"])

    def modules(self):
        return {"line": self.line}

    def optimizers(self):
        return {"sgd": self._optimizer}

    def step(self, rng):
        time.sleep(0.002)
        x = torch.from_numpy(rng.standard_normal((8, 1), np.float32))
        loss = ((self.line(x) - 3 * x) ** 2).mean()
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()
        return {"images": 8, "loss": loss.item() if self.options["lr"] < 100 else float("nan")}

    def validate(self):
        return {"score": float((self.line.weight.detach() - 3).abs())}

    def exported(self):
        return {self.options["file"]: Exported(self.line, {"x": torch.ones(1, 1)}, ("y",))}

    def export(self, folder, about):
        told = {"recipe": about["recipe"], "data": "a line", "licence": "none", "metrics": {}, "meta": about}
        return [export_network(exported, folder, name, **told) for name, exported in self.exported().items()]


@pytest.fixture(autouse=True)
def _line_task(monkeypatch, city, tmp_path):
    monkeypatch.setitem(training.TASKS, "line", (__name__, "LineTask"))
    shutil.copytree(city, tmp_path, dirs_exist_ok=True)


@pytest.fixture
def recipe(tmp_path):
    def write(name: str, lr: float = 0.01) -> Path:
        path = tmp_path / f"{name}.toml"
        path.write_text(f'{HEAD}lr = {lr}\nfile = "{name}"\n')
        return path

    return write


@pytest.fixture
def queue(tmp_path, recipe):
    def write(*entries: tuple[str, str], weights: str = "") -> Path:
        path = tmp_path / "queue.toml"
        more = f'weights = "{tmp_path / weights}"\n' if weights else ""
        path.write_text(
            "".join(
                f'[[training]]\nrecipe = "{tmp_path / name}.toml"\nbudget = "{budget}"\n{more}'
                for name, budget in entries
            )
        )
        for name, _ in entries:
            if not (tmp_path / f"{name}.toml").exists():
                recipe(name)
        return path

    return write


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
        ('[[training]]\nrecipe = "RECIPE"\nbudget = "1m"\nreplace = "no"\n', "replace 'no'; it must be true or false"),
        ('[[training]]\nrecipe = "RECIPE"\nbudget = "1m"\n' * 2, "second one"),
    ],
)
def test_an_unusable_queue_is_refused_before_anything_is_trained(text, says, recipe, tmp_path):
    path = tmp_path / "queue.toml"
    path.write_text(text.replace("RECIPE", str(recipe("one"))))
    with pytest.raises(InputError, match=says):
        read_queue(path)


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
