"""What is exported computes what was trained, and the manifest says of it what can be checked."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from radiosem.errors import WeightsError
from radiosem_models.training.export import Exported, count_parameters, export_network
from radiosem_models.training.manifest import list_weights, listed, validated
from radiosem_models.training.seen import splits_named

WEIGHTS = Path(__file__).parents[3] / "models" / "weights"
FACTS = {"recipe": "none", "data": "none", "licence": "MIT", "metrics": {}, "meta": {}}


def test_an_export_that_differs_from_torch_is_refused(tmp_path):
    class Doubled(torch.nn.Module):
        def forward(self, x):
            return 2 * x if torch.onnx.is_in_onnx_export() else x

    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "doubled.onnx").write_bytes(b"as it was")
    with pytest.raises(WeightsError, match=r"doubled\.onnx differs from torch"):
        export_network(Exported(Doubled(), {"x": torch.ones(1, 1, 32, 32)}, ("y",)), folder, "doubled", **FACTS)
    assert [path.name for path in folder.iterdir()] == ["doubled.onnx"]
    assert (folder / "doubled.onnx").read_bytes() == b"as it was"


def test_trainings_that_end_together_are_all_listed(tmp_path):
    names = [f"network-{number}" for number in range(8)]
    entries = [{"name": name, "file": f"{name}.onnx", "meta": {}} for name in names]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda entry: list_weights(tmp_path, entry), entries))
    assert [entry["name"] for entry in listed(tmp_path)] == names


def test_what_is_exported_is_what_is_counted(tmp_path):
    class Half(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.idle = torch.nn.Conv2d(1, 4, 3, padding=1), torch.nn.Conv2d(1, 400, 3)

        def forward(self, x):
            return self.used(x)

    export_network(Exported(Half(), {"x": torch.rand(1, 1, 32, 32)}, ("y",)), tmp_path, "half", **FACTS)
    assert listed(tmp_path)[0]["meta"]["parameters"] == 4 * 9 + 4


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
