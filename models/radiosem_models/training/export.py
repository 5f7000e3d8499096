"""A trained torch network -> an ONNX file in the weights folder, with its entry in MANIFEST.toml."""

import hashlib
import math
import tempfile
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn

from radiosem.errors import WeightsError
from radiosem_models.training.manifest import list_weights

# Largest difference allowed between torch and ONNX, relative to values beyond 1; and where weights are float16.
TOLERANCE, HALF_TOLERANCE = 1e-4, 1e-3
SMALL = 256  # numbers: arrays of no more stay float32
OPSET = 18


@dataclass(frozen=True)
class Exported:
    """A network as its file is to hold it.

    network  in the phase that it is called in; it is set to evaluate
    inputs   an example of every input by name: images [B, C, H, W], index maps [B, h, w] or vectors [B, n]; every axis
             but the channels is left free
    outputs  their names
    """

    network: nn.Module
    inputs: dict[str, Tensor]
    outputs: tuple[str, ...]


def export_network(
    exported: Exported,
    folder: Path,
    name: str,
    *,
    recipe: str,
    data: str,
    licence: str,
    metrics: dict[str, float],
    meta: dict[str, Any],
    half: bool = False,
) -> Path:
    """Write `name`.onnx with free batch and sides, check it against torch, and list it in the manifest.

    raises  WeightsError when ONNX and torch differ by more than 1e-4; what the folder held before is still there
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.onnx"
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        fresh = Path(scratch) / path.name
        convert(exported, fresh)
        if half:
            _halve(fresh)
        onnx.checker.check_model(str(fresh))
        quarter = {n: _quarter(x) for n, x in exported.inputs.items()}
        for example in (exported, replace(exported, inputs=quarter)):
            compare(fresh, example, HALF_TOLERANCE if half else TOLERANCE)
        content = fresh.read_bytes()
        entry = {
            "name": name,
            "file": path.name,
            "sha256": hashlib.sha256(content).hexdigest(),
            "bytes": len(content),
            "licence": licence,
            "recipe": recipe,
            "data": data,
            "metrics": metrics,
            "meta": meta | {"parameters": count_parameters(fresh)},
        }
        list_weights(folder, entry, fresh)
    return path


def convert(exported: Exported, path: Path) -> None:
    """Write a network as ONNX, with free batch and sides; what it computes from its parameters alone is folded."""
    network = exported.network.eval().to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    inputs, outputs = exported.inputs, exported.outputs
    axes = {4: {0: "batch", 2: "rows", 3: "cols"}, 3: {0: "batch", 1: "rows", 2: "cols"}, 2: {0: "batch"}}
    with warnings.catch_warnings():
        # The exporter that torch recommends instead wants another package and gains these networks nothing.
        warnings.simplefilter("ignore", DeprecationWarning)
        # torch's own size checks are traced as constants: `compare` tries the file at a second size.
        warnings.simplefilter("ignore", torch.jit.TracerWarning)  # type: ignore[attr-defined]
        torch.onnx.export(
            network,
            tuple(inputs.values()),
            str(path),
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes={n: axes[x.ndim] for n, x in inputs.items()},
            opset_version=OPSET,
            dynamo=False,
        )


def round_to_half(network: nn.Module) -> None:
    """Round every large parameter to float16, in place, so that what is scored is what `half` will store."""
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.numel() > SMALL:
                parameter.copy_(parameter.half())


def _halve(path: Path) -> None:
    """Store the large arrays of an ONNX file as float16; a Cast before their use, done once when it is loaded."""
    model = onnx.load(str(path))
    casts = []
    for array in model.graph.initializer:
        values = onnx.numpy_helper.to_array(array)
        if values.dtype != np.float32 or values.size <= SMALL:
            continue
        name = array.name
        array.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
        casts.append(onnx.helper.make_node("Cast", [array.name], [name], to=onnx.TensorProto.FLOAT))
    kept = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(casts + kept)
    onnx.save(model, str(path))


def count_parameters(path: Path) -> int:
    """Learned numbers of an ONNX file: what training alone needs is not in it, nor a part that is not run."""
    kinds = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16)
    arrays = onnx.load(str(path)).graph.initializer
    return sum(math.prod(array.dims) for array in arrays if array.data_type in kinds)


def _quarter(x: Tensor) -> Tensor:
    """The north-west quarter of an image; anything else as it is."""
    return x if x.ndim < 3 else x[..., : x.shape[-2] // 2, : x.shape[-1] // 2].contiguous()


def compare(path: Path, exported: Exported, tolerance: float) -> None:
    """Raise WeightsError when a file answers otherwise than its network, by more than `tolerance`."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (found,) = session.run(list(exported.outputs), {n: x.numpy() for n, x in exported.inputs.items()})
    with torch.no_grad():
        expected = exported.network.eval()(*exported.inputs.values()).double()
    difference = float(((torch.from_numpy(found) - expected) / expected.abs().clamp(min=1)).abs().max())
    if difference > tolerance:
        raise WeightsError(f"{path.name} differs from torch by {difference:.2g}; at most {tolerance:g} is allowed")
