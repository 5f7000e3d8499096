"""What goes on from published files: the very networks that they hold, however the export has folded them."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from radiosem.errors import InputError, WeightsError
from radiosem.inference import Network
from radiosem_models.generator import GeneratorTask
from radiosem_models.jscc import JsccTask
from radiosem_models.map_senders import MapSenderTask
from radiosem_models.rivals.task import RIVALS, RivalTask
from radiosem_models.training.loop import train
from radiosem_models.training.manifest import listed
from radiosem_models.training.published import take_up
from radiosem_models.training.task import Task
from radiosem_models.vqvae import VqVaeTask

MODELS = ["RT", "carsRT"]
SENDER = {"models": MODELS, "bits_a_symbol": 3, "stride": 16, "width": 8, "batch": 2, "lr": 1e-3}
SENDERS = {
    "ae": SENDER | {"kind": "ae", "symbols_a_cell": 2},
    "vae": SENDER | {"kind": "vae", "symbols_a_cell": 2, "beta": 1e-3},
    "vqvae": SENDER | {"kind": "vqvae", "symbols_a_cell": 1, "dim": 4, "commitment": 0.25},
}
RIVAL = {"id": "x", "inputs": "physics", "models": MODELS, "batch": 2, "lr": 1e-3, "rough": 0.3}
RECIPE = """task = "generator"
seed = 1
ema = 0.9
validate_every_s = 0.2
[options]
widths = [8, 16]
batch = 2
lr = 2e-3
adversarial_weight = 1e-3
rough = 0.3
models = ["RT", "carsRT"]
"""
TASKS = {
    "generator": lambda city: GeneratorTask(
        {"models": MODELS, "widths": [8, 16], "batch": 2, "rough": 0.3, "lr": 2e-3, "adversarial_weight": 1e-3}, city, 0
    ),
    "jscc": lambda city: JsccTask(
        {"symbols": 2, "width": 8, "encoder_blocks": 1, "decoder_blocks": 1, "batch": 2, "lr": 1e-3, "imagined": 0},
        city,
        0,
    ),
    "vqvae": lambda city: VqVaeTask(
        {"codebook": 16, "dim": 4, "width": 8, "batch": 2, "lr": 2e-3, "commitment": 0.25}, city, 0
    ),
    **{
        f"map-{kind}": lambda city, options=options: MapSenderTask(options, city, 0)
        for kind, options in SENDERS.items()
    },
    **{name: lambda city, name=name: RivalTask(RIVAL | {"rival": name}, city, 0) for name in RIVALS},
    "geo2sigmap, first": lambda city: RivalTask(RIVAL | {"rival": "geo2sigmap", "first_images": 99}, city, 0),
}


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def _spread(task: Task) -> None:
    """Networks that no default explains: every bias, norm and statistic has numbers of its own."""
    for module in task.modules().values():
        for tensor in module.state_dict().values():
            if tensor.is_floating_point() and tensor.ndim == 1:
                tensor += 0.1 * torch.rand(tensor.shape)


def _about(images: int) -> dict:
    return {"recipe": "none", "images": images, "seconds": 1.0, "judged_on": "x", "curve": [[1.0, images, 1.0]]}


@pytest.mark.parametrize("name", TASKS)
def test_what_is_taken_up_is_what_was_published(name, city, tmp_path):
    torch.manual_seed(1)
    task = TASKS[name](city)
    _spread(task)
    task.export(tmp_path, _about(5))
    torch.manual_seed(2)
    fresh = TASKS[name](city)
    before = fresh.validate()["score"]
    entries = {entry["name"]: entry for entry in listed(tmp_path)}
    take_up(fresh, entries, tmp_path, np.random.default_rng(0))
    assert fresh.validate()["score"] == pytest.approx(task.validate()["score"], rel=1e-3)
    assert fresh.validate()["score"] != before
    for key, exported in fresh.exported().items():
        inputs = {n: torch.rand_like(x) if x.ndim == 4 else x for n, x in task.exported()[key].inputs.items()}
        (held,) = Network(tmp_path / f"{key}.onnx")(**{n: x.numpy() for n, x in inputs.items()})
        with torch.no_grad():
            found = exported.network.eval()(*inputs.values())
        assert np.allclose(found.numpy(), held, atol=2e-3 * max(1.0, float(np.abs(held).max())))
    assert np.isfinite(list(fresh.step(np.random.default_rng(0)).values())).all()


def test_a_folded_normalisation_has_the_statistics_of_training_batches(city, tmp_path):
    torch.manual_seed(1)
    task = TASKS["cgan-plain"](city)
    rng = np.random.default_rng(0)
    for _ in range(8):
        task.step(rng)
    task.export(tmp_path, _about(16))
    torch.manual_seed(2)
    fresh = TASKS["cgan-plain"](city)
    rates = [group["lr"] for optimizer in fresh.optimizers().values() for group in optimizer.param_groups]
    take_up(fresh, {entry["name"]: entry for entry in listed(tmp_path)}, tmp_path, rng)
    assert rates == [group["lr"] for optimizer in fresh.optimizers().values() for group in optimizer.param_groups]
    assert not any(optimizer.state for optimizer in fresh.optimizers().values())
    channels, _, _ = fresh._draw(rng)
    activation, convolution, norm = fresh.network.unet.down[0]
    with torch.no_grad():
        brought = convolution(activation(fresh.network.unet.stem(channels)))
    assert torch.allclose(norm.running_var, brought.var((0, 2, 3)), rtol=0.5)
    assert torch.allclose(norm.running_var + norm.eps, norm.weight**2, rtol=1e-3)
    task.network.eval(), fresh.network.eval()
    with torch.no_grad():
        assert torch.allclose(task.network(channels), fresh.network(channels), atol=2e-3)


@pytest.fixture
def published(city, tmp_path):
    recipe = tmp_path / "small.toml"
    recipe.write_text(RECIPE)
    train(recipe, city, 1.0, runs_dir=tmp_path / "runs", weights_dir=tmp_path / "weights")
    shutil.rmtree(tmp_path / "runs")
    return recipe, tmp_path / "weights"


def test_a_fine_tuning_begins_with_what_is_published(published, city, tmp_path):
    _, weights = published
    (first,) = (entry for entry in listed(weights) if entry["name"] == "generator")
    tuned = tmp_path / "tuned.toml"
    tuned.write_text(RECIPE.replace("2e-3", "0.0") + f'begin_with = "{weights}/generator.onnx"\nid = "tuned"\n')
    train(tuned, city, 0.01, runs_dir=tmp_path / "runs", weights_dir=weights)
    (second,) = (entry for entry in listed(weights) if entry["name"] == "generator-tuned")
    assert second["metrics"]["val_mse"] == pytest.approx(first["metrics"]["val_mse"], rel=0.05)
    assert second["meta"]["images"] > first["meta"]["images"]
    assert second["meta"]["taken_up_s"] == []


def test_published_networks_of_other_data_are_left_alone(published, city, tmp_path):
    recipe, weights = published
    other = shutil.copytree(city, tmp_path / "other")
    masks = other / "png/buildings_complete"
    shutil.copy(masks / "1.png", masks / "3.png")  # the validation split
    outcome = train(recipe, other, 0.2, resume=True, runs_dir=tmp_path / "runs", weights_dir=weights)
    (entry,) = (entry for entry in listed(weights) if entry["name"] == "generator")
    assert outcome["elapsed_s"] < 1.0
    assert entry["meta"]["taken_up_s"] == []


def test_what_is_not_what_the_manifest_lists_is_not_gone_on_from(published, city, tmp_path):
    recipe, weights = published
    path = weights / "generator.onnx"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(WeightsError, match=r"generator\.onnx is not what the manifest lists"):
        train(recipe, city, 2.0, resume=True, runs_dir=tmp_path / "runs", weights_dir=weights)


def test_networks_of_another_shape_are_refused(published, city, tmp_path):
    _, weights = published
    tuned = tmp_path / "tuned.toml"
    tuned.write_text(RECIPE.replace("[8, 16]", "[8, 24]") + f'begin_with = "{weights}/generator.onnx"\n')
    with pytest.raises(InputError, match=r"generator\.onnx is of another network"):
        train(tuned, city, 1.0, runs_dir=tmp_path / "runs")


@pytest.mark.parametrize(("task", "says"), [("generator", "not listed beside it"), ("vqvae", "must be a checkpoint")])
def test_a_beginning_that_is_no_listed_file_is_refused(task, says, city, tmp_path):
    path: Path = tmp_path / "tuned.toml"
    options = RECIPE if task == "generator" else RECIPE.replace('"generator"', '"vqvae"')
    more = "codebook = 16\ndim = 4\nwidth = 8\ncommitment = 0.25\n" if task == "vqvae" else ""
    path.write_text(options + more + f'begin_with = "{tmp_path}/none.onnx"\n')
    with pytest.raises(InputError, match=says):
        train(path, city, 1.0, runs_dir=tmp_path / "runs")
