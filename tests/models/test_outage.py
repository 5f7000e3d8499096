"""What the outage classifier promises: it starts as plain comparison, learns outdoors only, and runs as exported."""

from pathlib import Path

import numpy as np
import pytest
import torch

from radiosem.inference import Network
from radiosem.physics.features import CHANNELS
from radiosem_models.generator import Generator
from radiosem_models.outage import OutageClassifier, OutageTask
from radiosem_models.training.export import Exported, export_network

FACTS = {"recipe": "none", "data": "none", "licence": "MIT", "metrics": {}, "meta": {}}


@pytest.fixture(scope="module")
def task(city, tmp_path_factory) -> OutageTask:
    """The task on a small city, its maps rebuilt by a generator that knows free space and nothing more."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    features = torch.rand(1, len(CHANNELS), 64, 64)
    folder: Path = tmp_path_factory.mktemp("generator")
    generator = export_network(
        Exported(Generator((8, 16)), {"features": features}, ("grey",)), folder, "generator", **FACTS
    )
    options = {
        "widths": [8, 16],
        "batch": 2,
        "lr": 2e-3,
        "model": "RT",
        "generator": str(generator),
        "thresholds_dbm": [-115.0, -65.0],
        "threshold_dbm": -75.0,
    }
    return OutageTask(options, city, 1)


def test_the_classifier_starts_as_plain_comparison():
    image, threshold = torch.rand(2, 1, 32, 32), torch.tensor([[0.3], [0.6]])
    assert torch.equal(OutageClassifier((8, 16))(image, threshold) > 0, image < threshold[:, :, None, None])


def test_it_learns_to_do_better_than_comparison_and_runs_as_exported(task, tmp_path):
    before = task.validate()
    assert before["outage_iou"] == pytest.approx(before["comparison_outage_iou"])
    rng = np.random.default_rng(1)
    losses = [task.step(rng)["cross_entropy"] for _ in range(60)]
    assert np.mean(losses[-15:]) < np.mean(losses[:15])
    after = task.validate()
    assert after["comparison_outage_iou"] == before["comparison_outage_iou"]
    (path,) = task.export(tmp_path, {"recipe": "none"})
    image = task.validation.rebuilt[0].astype(np.float32)[None, None]
    (logits,) = Network(path, threads=1)(map_grey=image, threshold_grey=np.full((1, 1), 0.5, np.float32))
    assert logits.shape == image.shape


def test_what_stands_indoors_does_not_teach(task):
    state = {name: value.clone() for name, value in task.classifier.state_dict().items()}
    losses = []
    for spoil in (False, True):
        task.classifier.load_state_dict(state)
        kept = [truth.copy() for truth in task.training.truth]
        if spoil:
            for truth, outdoors in zip(task.training.truth, task.training.outdoors, strict=True):
                truth[~outdoors] = 1
        losses.append(task.step(np.random.default_rng(2))["cross_entropy"])
        task.training.truth[:] = kept
    assert losses[0] == losses[1]
