"""What the training loop promises: it learns, it can be killed and goes on, and what it exports is what it trained."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from radiosem.inference import Network
from radiosem_models.data import Dataset
from radiosem_models.rivals.task import RivalTask
from radiosem_models.training.loop import train
from radiosem_models.training.manifest import listed
from radiosem_models.training.recipe import read_recipe
from radiosem_models.training.run import Run
from tests.models.training.conftest import SMALL


def _log(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("task", sorted(SMALL))
def test_training_lowers_the_validation_score_and_exports_checked_weights(task, small_recipe, city, tmp_path):
    outcome = train(small_recipe(task), city, 3.0, runs_dir=tmp_path / "runs", weights_dir=tmp_path / "weights")
    scores = [line["validation"]["score"] for line in _log(tmp_path / f"runs/small-{task}") if "validation" in line]
    assert outcome["finished"]
    assert outcome["best"] == min(scores) < scores[0]
    manifest = (tmp_path / "weights/MANIFEST.toml").read_text()
    split, judged_on = (Dataset(city).split_hash(split)[:8] for split in ("train", "val"))
    for file in outcome["files"]:
        assert Path(file).name in manifest
        Network(Path(file))
        (entry,) = (e for e in listed(tmp_path / "weights") if e["file"] == Path(file).name)
        assert entry["meta"]["seen_splits"] == [split]
        assert entry["meta"]["judged_on"].startswith(judged_on)
        truth = Dataset(city).truth_hash(Dataset(city).keys("val", ("RT",)))
        assert entry["meta"].get("judged_by") == (truth[:16] if task == "generator" else None)
        assert entry["meta"]["selected_splits"] == [judged_on]
    for known in (split, judged_on):
        assert (tmp_path / f"weights/seen-{known}.npz").is_file()


def test_a_resumed_training_goes_on_from_its_checkpoint(small_recipe, city, tmp_path):
    path = small_recipe("generator")
    first = train(path, city, 1.0, runs_dir=tmp_path)
    held = torch.load(tmp_path / "small-generator/last.pt", weights_only=True)
    second = train(path, city, first["elapsed_s"] + 2, resume=True, runs_dir=tmp_path)
    assert second["step"] > first["step"] == held["counts"][1]
    assert second["images"] > first["images"]
    assert [line["step"] for line in _log(tmp_path / "small-generator")] == sorted(
        line["step"] for line in _log(tmp_path / "small-generator")
    )
    again = train(path, city, second["elapsed_s"], resume=True, runs_dir=tmp_path)
    assert again["step"] == second["step"]
    curve = torch.load(tmp_path / "small-generator/last.pt", weights_only=True)["curve"]
    ends = [(outcome["images"], pytest.approx(outcome["elapsed_s"], abs=0.1)) for outcome in (first, second)]
    assert [(images, seconds) for seconds, images, _ in curve if images in (first["images"], second["images"])] == ends


def test_a_killed_training_is_checkpointed(small_recipe, city, tmp_path):
    code = (
        "import sys; from pathlib import Path; from radiosem_models.training.loop import train; import torch;"
        "torch.set_num_threads(1);"
        "print(train(Path(sys.argv[1]), Path(sys.argv[2]), 600, runs_dir=Path(sys.argv[3]))['finished'])"
    )
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", code, str(small_recipe("generator")), str(city), str(tmp_path)]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
        log = tmp_path / "small-generator/log.jsonl"
        until = time.monotonic() + 60
        while not log.is_file() and time.monotonic() < until:
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        printed, _ = process.communicate(timeout=60)
    assert printed.strip() == "False"
    assert torch.load(tmp_path / "small-generator/last.pt", weights_only=True)["counts"][1] > 0


def test_averages_begin_anew_when_another_network_begins_to_learn(city, tmp_path):
    path = tmp_path / "cascade.toml"
    head = 'task = "rival"\nseed = 1\nema = 0.999\nvalidate_every_s = 100\n[options]\nrival = "geo2sigmap"\nid = "it"\n'
    options = 'inputs = "law"\nmodels = ["RT"]\nbatch = 2\nlr = 2e-3\nrough = 0.0\nfirst_images = 20\n'
    path.write_text(head + options)
    task = RivalTask(read_recipe(path).options, city, 1)
    run = Run(read_recipe(path), task, tmp_path, "here", "1234abcd")
    for _ in range(10):
        run.advance(1e9)
    assert task.phase == 1
    average = run.averages["network"]
    assert int(average.n_averaged) == 0
    assert torch.equal(task.network.first.head.weight, average.module.first.head.weight)
    for _ in range(12):
        run.advance(1e9)
    begun = RivalTask(read_recipe(path).options, city, 1).network
    now, drawn, start = (net.second.head.weight for net in (task.network, average.module, begun))
    assert torch.equal(task.network.first.head.weight, average.module.first.head.weight)
    assert (drawn - now).abs().mean() < (start - now).abs().mean()
