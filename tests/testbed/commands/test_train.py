"""`radiosem train`: what it takes together, and what it tells of a queue."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from testbed.cli import app


def run(*arguments: str):
    return CliRunner().invoke(app, ["train", *arguments], env={"COLUMNS": "200", "TERM": "dumb"})


@pytest.fixture
def queue(tmp_path: Path) -> Path:
    recipe = tmp_path / "small.toml"
    recipe.write_text('task = "vqvae"\nseed = 1\nema = 0.9\nvalidate_every_s = 1\n[options]\nlr = 1e-3\n')
    path = tmp_path / "queue.toml"
    path.write_text(f'[[training]]\nrecipe = "{recipe}"\nbudget = "2m"\n')
    return path


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "give one of them"),
        (("r.toml", "--queue", "q.toml"), "recipe is 'r.toml', queue 'q.toml'"),
        (("--queue", "q.toml", "--curve", "runs"), "give one of them"),
        (("r.toml", "--resume", "--restart"), "both --resume and --restart"),
        (("--queue", "q.toml", "--restart"), "are for one recipe"),
        (("--queue", "q.toml", "--replace"), "entries of a queue have weights and replace"),
        (("r.toml", "--status"), "without --queue"),
        (("--queue", "none.toml", "--status"), "queue is 'none.toml', which cannot be read: No such file"),
    ],
)
def test_options_that_do_not_go_together_are_named(arguments: tuple[str, ...], says: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert says in result.stderr


def test_a_queue_needs_a_data_folder_to_train_but_not_to_tell(queue: Path, tmp_path: Path) -> None:
    result = run("--queue", str(queue), "--runs", str(tmp_path / "runs"), "--data", str(tmp_path / "none"))
    assert result.exit_code == 2
    assert "none', which is no folder" in result.stderr
    told = run("--queue", str(queue), "--runs", str(tmp_path / "runs"), "--status")
    assert told.exit_code == 0
    assert "small" in told.stdout
    assert "waiting" in told.stdout
    assert "2.0 min" in told.stdout
    (entry,) = json.loads(run("--queue", str(queue), "--runs", str(tmp_path), "--status", "--json").stdout)
    assert (entry["recipe"], entry["state"], entry["score"], entry["wants_s"]) == ("small", "waiting", None, 120.0)


def test_what_is_under_way_is_told_with_its_score(queue: Path, tmp_path: Path) -> None:
    folder = tmp_path / "runs/small"
    folder.mkdir(parents=True)
    lines = [
        {"elapsed_s": 20.0, "step": 5, "images": 40, "validation": {"score": 0.25}},
        {"elapsed_s": 30.0, "step": 9, "images": 72, "losses": {"loss": 1.0}},
    ]
    (folder / "log.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")
    told = run("--queue", str(queue), "--runs", str(tmp_path / "runs"), "--status", "--json")
    (entry,) = json.loads(told.stdout)
    assert (entry["state"], entry["score"], entry["elapsed_s"], entry["wants_s"]) == ("begun", 0.25, 30.0, 90.0)


@pytest.mark.parametrize("by_queue", [False, True])
def test_a_stopped_training_is_told_by_the_exit_code(
    queue: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_queue: bool
) -> None:
    def stopped(*arguments: object, **options: object) -> dict[str, object]:
        outcome = {"finished": False, "elapsed_s": 1.0, "images": 8, "best": None, "files": [], "kept_back": ""}
        return outcome | {"recipe": "small", "step": 1}

    monkeypatch.setattr("radiosem_models.training.loop.train", stopped)
    what = ("--queue", str(queue)) if by_queue else (str(tmp_path / "small.toml"),)
    result = run(*what, "--data", str(tmp_path), "--runs", str(tmp_path / "runs"), "--json")
    assert result.exit_code == 130
    assert json.loads(result.stdout)


def test_a_queue_tells_without_torch(queue: Path) -> None:
    code = "import sys; sys.modules['torch'] = None; from testbed.cli import app; app()"
    told = subprocess.run(
        [sys.executable, "-c", code, "train", "--queue", queue, "--status", "--json"],
        cwd=queue.parent,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)[0]["state"] == "waiting"


def test_curves_are_drawn_beside_the_log(tmp_path: Path) -> None:
    line = {"elapsed_s": 1.0, "step": 1, "images": 8, "validation": {"score": 0.25}}
    (tmp_path / "log.jsonl").write_text(json.dumps(line) + "\n")
    result = run("--curve", str(tmp_path))
    assert result.exit_code == 0
    assert result.stdout.strip() == str(tmp_path / "curves.png")
    assert (tmp_path / "curves.png").is_file()
