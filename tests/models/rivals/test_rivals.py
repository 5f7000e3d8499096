"""Every rival: the shapes it promises, that it learns by its own losses, and that its ONNX file is what was trained."""

import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from radiosem.errors import InputError
from radiosem.inference import Network
from radiosem_models.rivals.rival import INPUTS
from radiosem_models.rivals.rme_gan import gradients, structure_loss
from radiosem_models.rivals.task import RIVALS, RivalTask
from radiosem_models.rivals.uvm_net import RowScan
from radiosem_models.training.loop import train
from radiosem_models.training.recipe import read_recipe

RECIPES = Path(__file__).parents[3] / "models" / "recipes" / "rivals"
INPUT_OF = {"geo2sigmap": "law", "tire-gan": "depth"}


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def options(rival: str, **changes: object) -> dict[str, object]:
    return {
        "rival": rival, "id": rival, "inputs": INPUT_OF.get(rival, "plain"), "models": ["RT"], "batch": 2,
        "rough": 0.0, "lr": 1e-3, "first_images": 1_000,
    } | changes  # fmt: skip


@pytest.mark.parametrize("inputs", sorted(INPUTS))
@pytest.mark.parametrize("rival", sorted(RIVALS))
def test_a_rival_draws_one_map_a_block_at_any_size_it_says(rival, inputs):
    network = RIVALS[rival](INPUTS[inputs]).eval()
    side = max(network.sides_multiple_of, 64)
    with torch.no_grad():
        grey = network(torch.rand(2, len(INPUTS[inputs]), side, 2 * side))
    assert grey.shape == (2, 1, side, 2 * side)


def test_radiounet_has_the_parameters_its_paper_counts():
    network = RIVALS["radiounet"](("buildings", "transmitter"))
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(13.27e6, rel=1e-3)


@pytest.mark.parametrize("rival", sorted(RIVALS))
def test_a_few_steps_lower_the_error(rival, city):
    torch.manual_seed(0)
    task = RivalTask(options(rival), city, seed=0)
    features, truth, _ = task.training.draw(4, np.random.default_rng(1))

    def error() -> float:
        task.network.train()  # as it learns: running means have seen too few batches
        with torch.no_grad():
            drawn = task.network.learner(0)(task._channels(features))
        return float(F.mse_loss(drawn, truth))

    before = error()
    rng = np.random.default_rng(0)
    losses = [task.step(rng) for _ in range(16)]
    assert error() < 0.9 * before
    assert {"network", *task.players} < {*losses[0]}
    assert task.validate()["score"] > 0


@pytest.mark.parametrize("rival", sorted(RIVALS))
def test_what_is_learned_in_bfloat16_is_kept_and_judged_in_float32(rival, city):
    task = RivalTask(options(rival, bfloat16=True), city, seed=0)
    seen: list[torch.dtype] = []
    convolution = next(m for m in task.network.modules() if isinstance(m, torch.nn.Conv2d))
    convolution.register_forward_hook(lambda module, x, out: seen.append(out.dtype))
    before = [p.clone() for p in task.network.learner(0).parameters()]
    losses = task.step(np.random.default_rng(0))
    assert np.isfinite(list(losses.values())).all()
    assert {*seen} == {torch.bfloat16}
    after = [*task.network.learner(0).parameters()]
    assert {p.dtype for p in after} == {torch.float32}
    assert not all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    seen.clear()
    task.validate()
    assert {*seen} == {torch.float32}


def test_likeness_and_long_memory_are_of_full_precision_in_bfloat16_too():
    torch.manual_seed(0)
    scan, image = RowScan(32), torch.rand(1, 32, 8, 64)
    fake, truth = torch.rand(2, 1, 1, 32, 32)
    with torch.no_grad():
        exact = scan(image), gradients(fake)
        with torch.autocast("cpu", torch.bfloat16):
            assert all(torch.equal(a, b) for a, b in zip(exact, (scan(image), gradients(fake)), strict=True))
            assert structure_loss(fake, truth).dtype == torch.float32


@pytest.mark.parametrize("rival", ["radiounet", "geo2sigmap"])
def test_the_second_network_learns_while_the_first_is_frozen(rival, city):
    task = RivalTask(options(rival, first_images=2), city, seed=0)
    rng = np.random.default_rng(0)

    def learnt() -> set[str]:
        before = {n: p.clone() for n, p in task.network.state_dict().items()}
        task.step(rng)
        after = task.network.state_dict()
        return {name.partition(".")[0] for name in before if not torch.equal(before[name], after[name])}

    assert (task.phase, learnt()) == (0, {"first"})
    assert (task.phase, learnt()) == (1, {"second"})


def test_the_first_images_are_learned_from_at_half_the_resolution(city):
    task = RivalTask(options("ae", half_images=2), city, seed=0)
    halved = task._draw(np.random.default_rng(3))
    task.step(np.random.default_rng(0))
    whole = task._draw(np.random.default_rng(3))
    for small, large in zip(halved, whole, strict=True):
        assert [2 * n for n in small.shape[-2:]] == [*large.shape[-2:]]
    assert torch.allclose(halved[1], F.avg_pool2d(whole[1], 2))
    transmitter = task.channels.index("transmitter")
    assert halved[0][:, transmitter].sum((1, 2)).tolist() == whole[0][:, transmitter].sum((1, 2)).tolist() == [1, 1]


def test_a_cascade_is_scored_by_the_network_that_has_learned(city):
    task = RivalTask(options("geo2sigmap", first_images=2), city, seed=0)
    rng, channels = np.random.default_rng(0), torch.rand(1, 4, 64, 64)
    alone = task.validate()["score"]
    with torch.no_grad():
        assert torch.equal(task.network(channels), task.network.first(channels))
    task.step(rng)
    both = task.validate()["score"]
    with torch.no_grad():
        assert not torch.equal(task.network(channels), task.network.first(channels))
    assert alone != both


def test_a_resumed_training_knows_its_phase(city):
    task, resumed = (RivalTask(options("rme-gan", first_images=4), city, seed=0) for _ in range(2))
    rng = np.random.default_rng(0)
    task.step(rng)
    assert task.phase == 0
    task.step(rng)
    for name, module in resumed.modules().items():
        module.load_state_dict(task.modules()[name].state_dict())
    assert resumed.phase == 1


@pytest.mark.parametrize("rival", sorted(RIVALS))
def test_an_exported_rival_draws_what_was_trained(rival, city, tmp_path):
    task = RivalTask(options(rival, first_images=0), city, seed=0)
    (path,) = task.export(tmp_path, {"recipe": "here", "images": 0, "seconds": 0})
    entries = {e["name"]: e for e in tomllib.loads((tmp_path / "MANIFEST.toml").read_text())["weights"]}
    meta = entries[f"rival-{rival}"]["meta"]
    assert path.stat().st_size == pytest.approx(2 * meta["parameters"], rel=0.1)
    assert meta.get("phase") == (1 if task.network.phases > 1 else None)
    channels = torch.rand(2, len(meta["channels"]), 64, 128)
    with torch.no_grad():
        expected = task.network.eval()(channels).numpy()
    (found,) = Network(path)(channels=channels.numpy())
    assert found == pytest.approx(expected, abs=1e-3)


def test_a_cascade_exported_before_its_second_phase_is_its_first_network_alone(city, tmp_path):
    task = RivalTask(options("geo2sigmap", first_images=9), city, seed=0)
    (path,) = task.export(tmp_path, {"recipe": "here", "images": 0, "seconds": 0})
    (entry,) = tomllib.loads((tmp_path / "MANIFEST.toml").read_text())["weights"]
    alone = sum(p.numel() for p in task.network.first.parameters())
    assert (entry["meta"]["phase"], entry["meta"]["first_images"]) == (0, 9)
    assert entry["meta"]["parameters"] == pytest.approx(alone, rel=0.01)
    assert path.stat().st_size == pytest.approx(2 * alone, rel=0.1)


def test_the_scan_is_the_recurrence_of_its_paper():
    torch.manual_seed(0)
    scan, image = RowScan(32), torch.rand(2, 32, 4, 6)
    with torch.no_grad():
        found = scan(image).flatten(2)
        x, dt, b, c = (part.flatten(2) for part in scan.project(image).split(scan.parts, 1))
        x, dt = x.reshape(2, 2, 16, -1), F.softplus(dt + scan.dt_bias[:, None])
        state = torch.zeros(2, 2, 16, 8)
        for t in range(x.shape[-1]):
            step = dt[..., t]
            state = state * torch.exp(-scan.log_rate.exp() * step)[..., None, None]
            state = state + (step[..., None] * x[..., t])[..., None] * b[:, None, None, :, t]
            y = (state * c[:, None, None, :, t]).sum(-1) + scan.skip[:, None] * x[..., t]
            assert torch.allclose(found[..., t], y.flatten(1), atol=1e-6)


def test_the_loop_trains_and_lists_a_rival(city, tmp_path):
    recipe = tmp_path / "ae.toml"
    lines = 'rival = "ae"\nid = "ae"\ninputs = "plain"\nmodels = ["RT", "carsRT"]\nbatch = 2\nlr = 2e-3\nrough = 0.3\n'
    recipe.write_text('task = "rival"\nseed = 1\nema = 0.9\nvalidate_every_s = 0.5\n[options]\n' + lines)
    outcome = train(recipe, city, 2.0, runs_dir=tmp_path / "runs", weights_dir=tmp_path / "weights")
    assert outcome["finished"]
    assert [Path(f).name for f in outcome["files"]] == ["rival-ae.onnx"]


def test_an_unknown_rival_is_refused_by_name(city):
    with pytest.raises(InputError, match="rival is 'magic'; known are ae, radiounet"):
        RivalTask(options("magic"), city, seed=0)
    with pytest.raises(InputError, match="inputs is 'all'"):
        RivalTask(options("ae", inputs="all"), city, seed=0)


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda p: p.stem)
def test_every_recipe_of_a_rival_is_complete(path):
    recipe = read_recipe(path)
    assert recipe.task == "rival"
    assert recipe.options["id"] == path.stem
    network = RIVALS[recipe.options["rival"]]
    assert recipe.options["inputs"] in INPUTS
    assert ("first_images" in recipe.options) == (network.phases > 1)
    assert {"models", "batch", "lr", "rough"} < {*recipe.options}


def test_every_rival_has_a_recipe():
    assert {read_recipe(path).options["rival"] for path in RECIPES.glob("*.toml")} == {*RIVALS}
