"""What the training loop asks of a network and its data."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from torch import nn
from torch.optim import Optimizer

from radiosem_models.training.export import Exported


class Task(Protocol):
    """One thing to learn. Built as `Task(options, data_dir, seed)` from the recipe's [options] table.

    averaged   names of the modules whose exponential moving average is validated and exported
    judged_by  `truth_hash` of the maps of the validation split, "" where it is judged by the masks alone
    """

    averaged: tuple[str, ...]
    judged_by: str

    @property
    def phase(self) -> int:
        """Which part of the training runs, where there are several, else 0. Averages begin anew in each."""
        ...

    def modules(self) -> Mapping[str, nn.Module]:
        """Every module with parameters, by name; all are checkpointed."""
        ...

    def optimizers(self) -> Mapping[str, Optimizer]:
        """Every optimiser, by name; the loop scales their learning rates by the schedule."""
        ...

    def step(self, rng: np.random.Generator) -> dict[str, float]:
        """Draw a batch and take one optimisation step; returns losses to log, and `images`, the batch size."""
        ...

    def validate(self) -> dict[str, float]:
        """Score on the validation split alone; `score` decides, lower is better."""
        ...

    def exported(self) -> Mapping[str, Exported]:
        """The networks that `export` writes, by the names of their files, for others to write or read."""
        ...

    def export(self, folder: Path, about: dict[str, Any]) -> list[Path]:
        """Write the finished weights as ONNX with their manifest entries; returns the files.

        about  for the entries: recipe; images and seconds behind the weights; judged_on, judged_by, curve, seen_splits
               and taken_up_s, see `run.Run`; recipe_digest, see `run_folder.digest`
        """
        ...
