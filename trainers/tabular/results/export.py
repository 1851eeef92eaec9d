"""Files of a model for programs that do not have this package: `torch.export` (.pt2) and ONNX.

Both take `numeric` float32 [N, F] and `categories` int64 [N, C].  The description beside them says which
columns these are, in which order, and which number stands for which category.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainers.common.errors import BadInput
from trainers.common.files import json_bytes, write_bytes
from trainers.tabular.data.dataset import Problem
from trainers.tabular.results.exportable import ExportableModel
from trainers.tabular.results.saved import SavedModel, load_model

FORMATS: Mapping[str, str] = {"torch": "model.pt2", "onnx": "model.onnx"}
DESCRIPTION = "export.json"
_ROWS = 2
"""An example of one row would be taken as a size that never changes."""


def export(folder: Path, model: SavedModel, kind: str) -> Path:
    """Write the model in one of `FORMATS` with its description, and return the file.

    Raises BadInput where the packages that ONNX needs are not installed.
    """
    content = onnx_bytes(model) if kind == "onnx" else torch_bytes(model)
    write_bytes(folder / DESCRIPTION, json_bytes(described(model)))
    path = folder / FORMATS[kind]
    write_bytes(path, content)
    return path


def check_formats(kinds: Sequence[str]) -> None:
    """Raise BadInput for what is none of `FORMATS`, and where ONNX lacks a package that it needs."""
    for kind in kinds:
        if kind not in FORMATS:
            raise BadInput(f"--export {kind}: must be of {', '.join(FORMATS)}")
    if "onnx" in kinds:
        _require_onnx()


def export_lacking(folder: Path, kinds: Sequence[str]) -> list[Path]:
    """Write what a saved model's folder lacks of the formats, and return these files."""
    lacking = [kind for kind in kinds if not (folder / FORMATS[kind]).is_file()]
    return [export(folder, load_model(folder), kind) for kind in lacking]


def described(model: SavedModel) -> dict[str, Any]:
    """Return what inputs and outputs of the files mean, as JSON types."""
    spec = model.spec
    return {
        "inputs": {"numeric": list(spec.columns.numeric), "categories": model.vocabulary.to_json()},
        "categories_from": 1,
        "outputs": output_names(spec.problem),
        "targets": list(spec.problem.targets),
        "classes": list(spec.problem.classes),
        "conformal": model.calibration.to_json()["conformal"],
    }


def output_names(problem: Problem) -> list[str]:
    """Return the names of the outputs, in their order."""
    if problem.kind != "regression":
        return ["probabilities"]
    return ["mean", "spread", *(["viable"] if problem.viability else [])]


def torch_bytes(model: SavedModel) -> bytes:
    """Return the file of `torch.export.save`; `torch.export.load` reads it."""
    network, inputs, shapes = _traced(model)
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(torch.export.export(network, inputs, dynamic_shapes=shapes), buffer)
    return buffer.getvalue()


def onnx_bytes(model: SavedModel) -> bytes:
    """Return the ONNX file, weights included.  BadInput where `onnx` or `onnxscript` is not installed."""
    _require_onnx()
    network, inputs, shapes = _traced(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            network,
            inputs,
            dynamo=True,
            dynamic_shapes=shapes,
            input_names=["numeric", "categories"],
            output_names=output_names(model.spec.problem),
            verbose=False,
        )
    return bytes(program.model_proto.SerializeToString())  # type: ignore[union-attr]


def _traced(model: SavedModel) -> tuple[ExportableModel, tuple[Tensor, ...], tuple[Any, ...]]:
    """Return the network with inputs to trace it by and which of their sizes may change."""
    columns = model.spec.columns
    numeric = torch.zeros(_ROWS, len(columns.numeric))
    categories = torch.zeros(_ROWS, len(columns.categorical), dtype=torch.int64)
    rows = torch.export.Dim("rows", min=1, max=1 << 24)
    return ExportableModel(model), (numeric, categories), ({0: rows}, {0: rows})


def _require_onnx() -> None:
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise BadInput(f"ONNX needs the package {error.name}: pip install 'twophase[export]'") from error
