"""A task so small that trainings of it take moments, its recipes, and queues of them."""

import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from radiosem_models.training import loop as training
from radiosem_models.training.export import Exported, export_network

HEAD = 'task = "line"\nseed = 1\nema = 0.9\nvalidate_every_s = 0.01\n[options]\n'
SMALL = {
    "generator": "widths = [8, 16]\nbatch = 2\nlr = 2e-3\nadversarial_weight = 1e-3\nrough = 0.3\n"
    'models = ["RT", "carsRT"]',
    "vqvae": "codebook = 16\ndim = 4\nwidth = 8\nbatch = 2\nlr = 2e-3\ncommitment = 0.25",
}


class LineTask:
    """Learns y = 3 x by one weight, slowly enough to be killed on the way."""

    averaged = ("line",)
    judged_by = "maps"
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


@pytest.fixture
def small_recipe(tmp_path):
    def write(task: str, **changes: str) -> Path:
        path = tmp_path / f"small-{task}.toml"
        head = {"task": f'"{task}"', "seed": "1", "ema": "0.9", "validate_every_s": "0.5"} | changes
        path.write_text("".join(f"{k} = {v}\n" for k, v in head.items()) + f"[options]\n{SMALL[task]}\n")
        return path

    return write
