"""A training that begins with another's networks: with its averages, and with all that it has seen."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from radiosem.errors import InputError
from radiosem_models.data import Dataset
from radiosem_models.training.loop import train
from radiosem_models.training.manifest import listed


def test_a_fine_tuning_begins_with_the_averages_of_another_training(small_recipe, city, tmp_path):
    train(small_recipe("generator"), city, 1.0, runs_dir=tmp_path)
    begun = torch.load(tmp_path / "small-generator/best.pt", weights_only=True)["averages"]["generator"]
    path = tmp_path / "tuned.toml"
    extra = f'begin_with = "{tmp_path}/small-generator/best.pt"\nid = "tuned"\n'
    path.write_text(small_recipe("generator", validate_every_s="0.001").read_text() + extra)
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
def test_what_a_training_began_with_counts_in_what_it_is_said_to_have_seen(same_city, small_recipe, city, tmp_path):
    first = train(small_recipe("generator"), city, 1.0, runs_dir=tmp_path)
    path = tmp_path / "tuned.toml"
    extra = f'begin_with = "{tmp_path}/small-generator/last.pt"\nid = "tuned"\n'
    path.write_text(small_recipe("generator", validate_every_s="0.001").read_text() + extra)
    other = shutil.copytree(city, tmp_path / "other")
    if not same_city:
        masks = other / "png/buildings_complete"
        shutil.copy(masks / "1.png", masks / "3.png")  # the validation split
    train(path, other, 0.5, runs_dir=tmp_path, weights_dir=tmp_path / "weights")
    second = torch.load(tmp_path / "tuned/last.pt", weights_only=True)
    (entry,) = (e for e in listed(tmp_path / "weights") if e["name"] == "generator-tuned")
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
def test_where_its_beginning_was_learned_stays_with_a_fine_tuned_network(told, small_recipe, city, tmp_path):
    runs, weights = tmp_path / "runs", tmp_path / "weights"
    train(small_recipe("vqvae"), city, 0.5, runs_dir=runs, weights_dir=weights)
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
    path.write_text(small_recipe("vqvae").read_text() + f'begin_with = "{begun}"\n')
    train(path, other, 0.2, runs_dir=runs)
    if told != "by the checkpoint":
        _forget_splits(runs / "tuned/last.pt")
        _forget_splits(runs / "tuned/best.pt")
    train(path, other, 0.4, runs_dir=runs, weights_dir=weights, resume=True, replace=True)
    first, own = (Dataset(root).split_hash("train")[:8] for root in (city, other))
    expected = [own] if told == "by nobody" else [first, own]
    entries = {e["name"]: e for e in listed(weights)}
    assert (
        entries["vqvae-encoder"]["meta"]["seen_splits"] == entries["vqvae-decoder"]["meta"]["seen_splits"] == expected
    )
    assert {f"seen-{first}", f"seen-{own}"} < {*entries}
    judged = list(dict.fromkeys(Dataset(root).split_hash("val")[:8] for root in (city, other)))
    assert entries["vqvae-encoder"]["meta"]["selected_splits"] == judged
    assert len(judged) == 2


def test_a_checkpoint_that_would_run_code_is_refused(small_recipe, city, tmp_path):
    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"averages": {}, "modules": Trap()}, tmp_path / "trap.pt")
    path = small_recipe("vqvae")
    path.write_text(path.read_text() + f'begin_with = "{tmp_path}/trap.pt"\n')
    with pytest.raises(InputError, match=r"trap\.pt is no checkpoint of tensors and plain values"):
        train(path, city, 1.0, runs_dir=tmp_path / "runs")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(("file", "message"), [("none.pt", "which is no file"), ("other.pt", "of other networks")])
def test_a_fine_tuning_of_what_is_not_there_says_so(small_recipe, city, tmp_path, file, message):
    torch.save({"averages": {}, "modules": {}}, tmp_path / "other.pt")
    path = small_recipe("generator")
    path.write_text(path.read_text() + f'begin_with = "{tmp_path / file}"\n')
    with pytest.raises(InputError, match=message):
        train(path, city, 1.0, runs_dir=tmp_path / "runs")
