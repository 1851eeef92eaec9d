"""Exported files, read by what would read them elsewhere."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.unit.trainers.tabular.results import saved_models
from tests.unit.trainers.tabular.results.test_exportable import PROBLEMS, outputs
from trainers.common.errors import BadInput
from trainers.tabular.results.export import DESCRIPTION, export, onnx_bytes, output_names
from trainers.tabular.results.saved import SavedModel

ROWS = (1, 17)
"""Other numbers of rows than the model is traced with."""


def check_torch(folder: Path, model: SavedModel) -> None:
    """Compare what the file says with what the surrogate says."""
    program = torch.export.load(export(folder, model, "torch")).module()
    for count in ROWS:
        rows = saved_models.rows(count, count, model.spec.problem)
        found = program(rows.numeric, rows.categories)
        for own, other in zip(found, outputs(model, rows), strict=True):
            assert own.detach().numpy() == pytest.approx(other, rel=1e-5, abs=1e-6)


def check_onnx(folder: Path, model: SavedModel) -> None:
    """Compare what onnxruntime says with what the surrogate says."""
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(str(export(folder, model, "onnx")))
    assert [one.name for one in session.get_outputs()] == output_names(model.spec.problem)
    for count in ROWS:
        rows = saved_models.rows(count, count, model.spec.problem)
        inputs = {"numeric": rows.numeric.numpy(), "categories": rows.categories.numpy()}
        for own, other in zip(session.run(None, inputs), outputs(model, rows), strict=True):
            assert own == pytest.approx(other, rel=1e-4, abs=1e-5)


def test_torch_reads_what_was_exported(tmp_path: Path) -> None:
    check_torch(tmp_path, saved_models.saved_model("mlp", inputs="robust", transform="asinh", folds=(0,)))


def test_the_description_says_what_goes_in_and_comes_out(tmp_path: Path) -> None:
    of = saved_models.problem("binary")
    export(tmp_path, saved_models.saved_model("mlp", of, inputs="standard", folds=(0,)), "torch")
    described = json.loads((tmp_path / DESCRIPTION).read_text())
    assert described["inputs"] == {
        "numeric": ["length", "weight", "age"],
        "categories": {"kind": ["x", "y", "z"]},
    }
    assert described["outputs"] == ["probabilities"] and described["classes"] == ["no", "yes"]


@pytest.mark.slow
def test_onnxruntime_reads_what_was_exported(tmp_path: Path) -> None:
    check_onnx(tmp_path, saved_models.saved_model("realmlp", inputs="quantile", transform="quantile"))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted({*saved_models.SMALL} - {"realmlp"}))
def test_every_model_is_exported_both_ways(tmp_path: Path, name: str) -> None:
    kinds = list(PROBLEMS)
    of = PROBLEMS[kinds[sorted(saved_models.SMALL).index(name) % len(kinds)]]
    model = saved_models.saved_model(name, of, inputs="standard", folds=(0,))
    check_torch(tmp_path, model)
    check_onnx(tmp_path, model)


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(
        BadInput, match=r"ONNX needs the package onnxscript: pip install 'twophase\[export\]'"
    ):
        onnx_bytes(saved_models.saved_model())


def test_rows_have_missing_values_and_unknown_categories() -> None:
    rows = saved_models.rows(17, 17)
    assert np.isnan(rows.numeric.numpy()).any() and (rows.categories == 0).any()
