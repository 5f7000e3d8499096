"""The networks of the learned link: their energy, what they learn, and that the link runs what was trained."""

import numpy as np
import pytest
import torch

from channel_sim.awgn import awgn as air
from channel_sim.jscc import JsccLink
from channel_sim.link import link_names
from radiosem.codecs import make_codec
from radiosem.frame import pack, unpack
from radiosem.types import Grid, PathLoss, Semantics, Transmitter
from radiosem_models.jscc import JsccTask, awgn

OPTIONS = {
    "symbols": 4,
    "width": 16,
    "encoder_blocks": 1,
    "decoder_blocks": 1,
    "batch": 8,
    "lr": 5e-3,
    "imagined": 4,
}
STEPS = 150


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def trained(city):
    """A task after some steps, its scores before them, and after."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    task = JsccTask(OPTIONS, city, 1)
    before = task.validate()
    rng = np.random.default_rng(0)
    for _ in range(STEPS):
        task.step(rng)
    return task, before, task.validate()


@pytest.fixture
def weights_folder(trained, tmp_path, monkeypatch):
    task, _, _ = trained
    task.export(tmp_path, {"recipe": "small", "images": 1, "seconds": 1})
    monkeypatch.setenv("RADIOSEM_WEIGHTS", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("fill", ["empty", "full", "half"])
def test_every_map_has_unit_energy_on_its_own(trained, fill):
    masks = torch.zeros(2, 1, 64, 96)
    masks[0] = {"empty": 0.0, "full": 1.0, "half": 0.0}[fill]
    masks[0, :, :32] = 0.0 if fill == "empty" else 1.0
    masks[1, :, 10:20, 30:50] = 1.0
    with torch.no_grad():
        symbols = trained[0].encoder(masks)
    assert symbols.shape == (2, 2 * OPTIONS["symbols"], 8, 12)
    real, imaginary = symbols.chunk(2, 1)
    energy = (real**2 + imaginary**2).mean((1, 2, 3))
    assert torch.allclose(energy, torch.ones(2), atol=1e-4)


def test_noise_has_half_its_energy_on_each_part():
    clean = torch.zeros(2, 8, 64, 64)
    noisy = awgn(clean, torch.tensor([[10.0], [0.0]]), torch.Generator().manual_seed(1))
    assert noisy.var((1, 2, 3)).tolist() == pytest.approx([0.05, 0.5], rel=0.03)


def test_training_lowers_the_share_of_wrong_pixels_and_a_better_channel_helps(trained):
    _, before, after = trained
    assert after["score"] < 0.6 * before["score"]
    assert after["wrong_at_20_db"] < after["wrong_at_4_db"] < after["wrong_at_-2_db"]


def test_the_link_draws_and_reads_what_was_trained(trained, weights_folder, city):
    task, _, _ = trained
    assert "jscc" in link_names()
    mask = task.val_masks[0]
    sent = pack(Semantics(Grid(*mask.shape), (Transmitter(5, 6),), (PathLoss(50.0, 30.0),), mask), make_codec("bitmap"))
    link = JsccLink()
    symbols = link.encode(sent)
    with torch.no_grad():
        parts = task.encoder(torch.from_numpy(mask.astype(np.float32))[None, None])[0].numpy()
    drawn = symbols[-parts.size // 2 :]
    assert np.allclose(np.concatenate([drawn.real, drawn.imag]), parts.ravel(), atol=1e-3)
    wrong = []
    for es_n0_db in (20.0, -2.0):
        received = link.decode(air(symbols, es_n0_db, np.random.default_rng(3)), es_n0_db)
        assert received.strong == sent.strong
        found, _ = unpack(received.strong, received.weak, {c.codec_id: c for c in [make_codec("bitmap")]})
        wrong.append(np.mean(found.buildings != mask))
    assert wrong[0] < wrong[1]
    assert wrong[0] == pytest.approx(task.wrong_share(mask, 20.0), abs=0.02)
