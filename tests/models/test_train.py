"""What the training loop promises: it learns, it can be killed and goes on, and what it exports is what it trained."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from radiosem.errors import InputError, WeightsError
from radiosem.inference import Network
from radiosem_models.data import Dataset
from radiosem_models.rivals.task import RivalTask
from radiosem_models.training.export import Exported, count_parameters, export_network
from radiosem_models.training.loop import train
from radiosem_models.training.manifest import listed, validated
from radiosem_models.training.recipe import Options, listed_as, parse_budget_s, read_recipe
from radiosem_models.training.run import Run
from radiosem_models.training.seen import splits_named

RECIPES = Path(__file__).parents[2] / "models" / "recipes"
WEIGHTS = RECIPES.parent / "weights"
SMALL = {
    "generator": "widths = [8, 16]\nbatch = 2\nlr = 2e-3\nadversarial_weight = 1e-3\nrough = 0.3\n"
    'models = ["RT", "carsRT"]',
    "vqvae": "codebook = 16\ndim = 4\nwidth = 8\nbatch = 2\nlr = 2e-3\ncommitment = 0.25",
}


FACTS = {"recipe": "none", "data": "none", "licence": "MIT", "metrics": {}, "meta": {}}


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture
def recipe(tmp_path):
    def write(task: str, **changes: str) -> Path:
        path = tmp_path / f"small-{task}.toml"
        head = {"task": f'"{task}"', "seed": "1", "ema": "0.9", "validate_every_s": "0.5"} | changes
        path.write_text("".join(f"{k} = {v}\n" for k, v in head.items()) + f"[options]\n{SMALL[task]}\n")
        return path

    return write


def _log(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def _manifest(folder: Path) -> list[dict]:
    return tomllib.loads((folder / "MANIFEST.toml").read_text())["weights"]


@pytest.mark.parametrize("task", sorted(SMALL))
def test_training_lowers_the_validation_score_and_exports_checked_weights(task, recipe, city, tmp_path):
    outcome = train(recipe(task), city, 3.0, runs_dir=tmp_path / "runs", weights_dir=tmp_path / "weights")
    scores = [line["validation"]["score"] for line in _log(tmp_path / f"runs/small-{task}") if "validation" in line]
    assert outcome["finished"]
    assert outcome["best"] == min(scores) < scores[0]
    manifest = (tmp_path / "weights/MANIFEST.toml").read_text()
    split, judged_on = (Dataset(city).split_hash(split)[:8] for split in ("train", "val"))
    for file in outcome["files"]:
        assert Path(file).name in manifest
        Network(Path(file))
        (entry,) = (e for e in _manifest(tmp_path / "weights") if e["file"] == Path(file).name)
        assert entry["meta"]["seen_splits"] == [split]
        assert entry["meta"]["judged_on"].startswith(judged_on)
        assert entry["meta"]["selected_splits"] == [judged_on]
    for known in (split, judged_on):
        assert (tmp_path / f"weights/seen-{known}.npz").is_file()


def test_a_resumed_training_goes_on_from_its_checkpoint(recipe, city, tmp_path):
    path = recipe("generator")
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


def test_a_killed_training_is_checkpointed(recipe, city, tmp_path):
    code = (
        "import sys; from pathlib import Path; from radiosem_models.training.loop import train; import torch;"
        "torch.set_num_threads(1);"
        "print(train(Path(sys.argv[1]), Path(sys.argv[2]), 600, runs_dir=Path(sys.argv[3]))['finished'])"
    )
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", code, str(recipe("generator")), str(city), str(tmp_path)]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
        log = tmp_path / "small-generator/log.jsonl"
        until = time.monotonic() + 60
        while not log.is_file() and time.monotonic() < until:
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        printed, _ = process.communicate(timeout=60)
    assert printed.strip() == "False"
    assert torch.load(tmp_path / "small-generator/last.pt", weights_only=True)["counts"][1] > 0


def test_an_export_that_differs_from_torch_is_refused(tmp_path, monkeypatch):
    from radiosem_models.training import export

    class Doubled(torch.nn.Module):
        def forward(self, x):
            return 2 * x if torch.onnx.is_in_onnx_export() else x

    (tmp_path / "doubled.onnx").write_bytes(b"as it was")
    with pytest.raises(WeightsError, match=r"doubled\.onnx differs from torch"):
        export.export_network(
            export.Exported(Doubled(), {"x": torch.ones(1, 1, 32, 32)}, ("y",)), tmp_path, "doubled", **FACTS
        )
    assert [path.name for path in tmp_path.iterdir()] == ["doubled.onnx"]
    assert (tmp_path / "doubled.onnx").read_bytes() == b"as it was"


def test_trainings_that_end_together_are_all_listed(tmp_path):
    from radiosem_models.training.manifest import list_weights

    names = [f"network-{number}" for number in range(8)]
    entries = [{"name": name, "file": f"{name}.onnx", "meta": {}} for name in names]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda entry: list_weights(tmp_path, entry), entries))
    listed = tomllib.loads((tmp_path / "MANIFEST.toml").read_text())["weights"]
    assert [entry["name"] for entry in listed] == names


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda p: p.stem)
def test_every_recipe_of_ours_is_readable(path):
    recipe = read_recipe(path)
    assert recipe.name == path.stem
    assert recipe.options


@pytest.mark.parametrize(
    ("text", "wrong"),
    [("task = 'cooking'", "cooking"), ("task =", "is not TOML"), ("task = 'generator'", "has no ema; keys are")],
)
def test_an_unusable_recipe_is_refused_by_name(tmp_path, text, wrong):
    path = tmp_path / "bad.toml"
    rest = "\nseed = 1\nema = 0.9\nvalidate_every_s = 1\n[options]\n" if "cooking" in text else "\n"
    path.write_text(text + rest)
    with pytest.raises(InputError, match=wrong) as caught:
        read_recipe(path)
    assert "bad.toml" in str(caught.value)


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("30m", 1800), ("1.5h", 5400)])
def test_budgets_are_read(text, seconds):
    assert parse_budget_s(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "m", "-5m", "nan h", "infh", "3d"])
def test_a_budget_that_is_none_is_refused(text):
    with pytest.raises(InputError, match="budget is"):
        parse_budget_s(text)


def test_the_generator_starts_as_what_rays_bring():
    from radiosem.features import CHANNELS
    from radiosem_models.generator import Generator

    features = torch.from_numpy(np.random.default_rng(0).random((1, len(CHANNELS), 32, 32), np.float32))
    features[:, 0] = (features[:, 0] > 0.7).float()
    grey = Generator((8, 16))(features)
    assert torch.allclose(grey[:, 0], features[:, CHANNELS.index("rays")] * (1 - features[:, 0]))


def test_a_fine_tuning_begins_with_the_averages_of_another_training(recipe, city, tmp_path):
    train(recipe("generator"), city, 1.0, runs_dir=tmp_path)
    begun = torch.load(tmp_path / "small-generator/best.pt", weights_only=True)["averages"]["generator"]
    path = tmp_path / "tuned.toml"
    extra = f'begin_with = "{tmp_path}/small-generator/best.pt"\nid = "tuned"\n'
    path.write_text(recipe("generator", validate_every_s="0.001").read_text() + extra)
    unscaled = shutil.copytree(city, tmp_path / "unscaled")
    about = json.loads((unscaled / "dataset.json").read_text())
    (unscaled / "dataset.json").write_text(json.dumps({"tiles": about["tiles"]}))
    # A step of no length: what is exported is what it began with.
    path.write_text(path.read_text().replace("lr = 2e-3", "lr = 0.0"))
    outcome = train(path, unscaled, 0.01, runs_dir=tmp_path, weights_dir=tmp_path / "weights")
    tuned = torch.load(tmp_path / "tuned/last.pt", weights_only=True)["averages"]["generator"]
    name = next(name for name in begun if name.endswith("head.weight"))
    assert torch.equal(tuned[name], begun[name])
    assert [Path(file).name for file in outcome["files"]] == ["generator-tuned.onnx"]
    assert 'scale = "unknown"' in (tmp_path / "weights/MANIFEST.toml").read_text()


@pytest.mark.parametrize("same_city", [True, False])
def test_what_a_training_began_with_counts_in_what_it_is_said_to_have_seen(same_city, recipe, city, tmp_path):
    first = train(recipe("generator"), city, 1.0, runs_dir=tmp_path)
    path = tmp_path / "tuned.toml"
    extra = f'begin_with = "{tmp_path}/small-generator/last.pt"\nid = "tuned"\n'
    path.write_text(recipe("generator", validate_every_s="0.001").read_text() + extra)
    other = shutil.copytree(city, tmp_path / "other")
    if not same_city:
        masks = other / "png/buildings_complete"
        shutil.copy(masks / "1.png", masks / "3.png")  # the validation split
    train(path, other, 0.5, runs_dir=tmp_path, weights_dir=tmp_path / "weights")
    second = torch.load(tmp_path / "tuned/last.pt", weights_only=True)
    (entry,) = (e for e in _manifest(tmp_path / "weights") if e["name"] == "generator-tuned")
    curve = entry["meta"]["curve"]
    assert [curve[-1][0], curve[-1][1]] == [
        pytest.approx(first["elapsed_s"] + second["counts"][0], abs=0.2),
        first["images"] + second["counts"][2],
    ]
    assert (curve[0][1] < first["images"]) == same_city
    assert [entry["meta"]["seconds"], entry["meta"]["images"], entry["metrics"]["val_mse"]] in [
        [seconds, images, pytest.approx(score, rel=1e-5)] for seconds, images, score in curve
    ]
    assert entry["meta"]["parameters"] > 0


def _forget_splits(path: Path) -> None:
    """Make a checkpoint one from before it told where its networks learned."""
    state = torch.load(path, weights_only=True)
    del state["splits"]
    torch.save(state, path)


@pytest.mark.parametrize("told", ["by the checkpoint", "by the export beside it", "by nobody"])
def test_where_its_beginning_was_learned_stays_with_a_fine_tuned_network(told, recipe, city, tmp_path):
    runs, weights = tmp_path / "runs", tmp_path / "weights"
    train(recipe("vqvae"), city, 0.5, runs_dir=runs, weights_dir=weights)
    begun = runs / "small-vqvae/best.pt"
    if told != "by the checkpoint":
        _forget_splits(begun)
    if told == "by nobody":
        (begun.parent / "MANIFEST.toml").unlink()
    other = shutil.copytree(city, tmp_path / "other")
    (validates,) = Dataset(city).blocks_in("val")
    for block in (2, validates):
        shutil.copy(other / "png/buildings_complete/1.png", other / f"png/buildings_complete/{block}.png")
    path = tmp_path / "tuned.toml"
    path.write_text(recipe("vqvae").read_text() + f'begin_with = "{begun}"\n')
    train(path, other, 0.2, runs_dir=runs)
    if told != "by the checkpoint":
        _forget_splits(runs / "tuned/last.pt")
        _forget_splits(runs / "tuned/best.pt")
    train(path, other, 0.4, runs_dir=runs, weights_dir=weights, resume=True, replace=True)
    first, own = (Dataset(root).split_hash("train")[:8] for root in (city, other))
    expected = [own] if told == "by nobody" else [first, own]
    entries = {e["name"]: e for e in _manifest(weights)}
    assert (
        entries["vqvae-encoder"]["meta"]["seen_splits"] == entries["vqvae-decoder"]["meta"]["seen_splits"] == expected
    )
    assert {f"seen-{first}", f"seen-{own}"} < {*entries}
    judged = list(dict.fromkeys(Dataset(root).split_hash("val")[:8] for root in (city, other)))
    assert entries["vqvae-encoder"]["meta"]["selected_splits"] == judged
    assert len(judged) == 2


def test_a_checkpoint_that_would_run_code_is_refused(recipe, city, tmp_path):
    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"averages": {}, "modules": Trap()}, tmp_path / "trap.pt")
    path = recipe("vqvae")
    path.write_text(path.read_text() + f'begin_with = "{tmp_path}/trap.pt"\n')
    with pytest.raises(InputError, match=r"trap\.pt is no checkpoint of tensors and plain values"):
        train(path, city, 1.0, runs_dir=tmp_path / "runs")
    assert not (tmp_path / "ran").exists()


def test_a_recipe_without_an_option_names_both(recipe, city, tmp_path):
    path = recipe("vqvae")
    path.write_text(path.read_text().replace("width = 8\n", ""))
    with pytest.raises(InputError, match="recipe small-vqvae has no option 'width'"):
        train(path, city, 1.0, runs_dir=tmp_path / "runs")
    assert Options(read_recipe(path)).get("width", 3) == 3


def test_what_is_exported_is_what_is_counted(tmp_path):
    class Half(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.idle = torch.nn.Conv2d(1, 4, 3, padding=1), torch.nn.Conv2d(1, 400, 3)

        def forward(self, x):
            return self.used(x)

    export_network(Exported(Half(), {"x": torch.rand(1, 1, 32, 32)}, ("y",)), tmp_path, "half", **FACTS)
    assert _manifest(tmp_path)[0]["meta"]["parameters"] == 4 * 9 + 4


NETWORKS = [entry for entry in listed(WEIGHTS) if entry["file"].endswith(".onnx")]


@pytest.mark.parametrize("entry", NETWORKS, ids=lambda entry: entry["name"])
def test_what_the_shipped_manifest_says_of_a_network_can_be_checked(entry):
    known = {one["name"] for one in listed(WEIGHTS)}
    splits = splits_named(entry["data"], entry["meta"])
    assert splits
    judged_on = [str(entry["meta"]["judged_on"])[:8]] if "judged_on" in entry["meta"] else []
    assert {f"seen-{split}" for split in (*splits, *judged_on)} <= known
    assert entry["meta"]["parameters"] == count_parameters(WEIGHTS / entry["file"])
    assert validated(entry) is not None


@pytest.mark.parametrize(("file", "message"), [("none.pt", "which is no file"), ("other.pt", "of other networks")])
def test_a_fine_tuning_of_what_is_not_there_says_so(recipe, city, tmp_path, file, message):
    torch.save({"averages": {}, "modules": {}}, tmp_path / "other.pt")
    path = recipe("generator")
    path.write_text(path.read_text() + f'begin_with = "{tmp_path / file}"\n')
    with pytest.raises(InputError, match=message):
        train(path, city, 1.0, runs_dir=tmp_path / "runs")


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("models/recipes/vqvae.toml", "models/recipes/vqvae.toml"),
        ("models/recipes/rivals/ae.toml", "models/recipes/rivals/ae.toml"),
        ("/elsewhere/mine.toml", "models/recipes/mine.toml"),
    ],
)
def test_a_manifest_names_a_recipe_by_its_place(path: str, named: str) -> None:
    assert listed_as(Path(path)) == named


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
