"""A model of plain operations, against the one that is called."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.unit.trainers.tabular.results import saved_models
from trainers.tabular.data.dataset import Problem, Rows
from trainers.tabular.data.inputs import InputKind, InputStatistics
from trainers.tabular.data.targets import TRANSFORMS, TargetStatistics, Transform
from trainers.tabular.results.exportable import ExportableModel, PreparedInputs, RestoredTargets
from trainers.tabular.results.saved import Calibration, SavedModel
from trainers.tabular.results.surrogate import Surrogate


def outputs(model: SavedModel, rows: Rows) -> list[np.ndarray]:
    """Return what the surrogate says, in the order of exported outputs."""
    found = Surrogate(model).predict_rows(rows)
    if model.spec.problem.kind != "regression":
        return [found.probabilities]  # type: ignore[union-attr]
    return [found.mean, found.spread] + ([found.viable] if found.viable is not None else [])  # type: ignore[union-attr]


PROBLEMS = {
    "regression": saved_models.problem(),
    "viability": saved_models.problem(viability=True),
    "binary": saved_models.problem("binary"),
    "multiclass": saved_models.problem("multiclass"),
}


@pytest.mark.parametrize("name", saved_models.SMALL)
@pytest.mark.parametrize("of", PROBLEMS.values(), ids=PROBLEMS)
def test_it_says_what_the_surrogate_says(name: str, of: Problem) -> None:
    model = replace(
        saved_models.saved_model(name, of, folds=(0, 1)), calibration=Calibration(temperature=1.7)
    )
    rows = saved_models.rows(40, 3, of)
    with torch.inference_mode():
        found = ExportableModel(model)(rows.numeric, rows.categories)
    expected = outputs(model, rows)
    assert len(found) == len(expected)
    for own, other in zip(found, expected, strict=True):
        assert own.numpy() == pytest.approx(other, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("kind", ["standard", "quantile", "robust"])
@pytest.mark.parametrize("train", [1, 2, 7, 400])
def test_inputs_are_prepared_as_by_their_statistics(kind: InputKind, train: int) -> None:
    random = torch.Generator().manual_seed(train)
    known = torch.randn(train, 4, generator=random)
    known[:, 1] = (2 * known[:, 1]).round()  # equal values
    known[:, 2] = 3.0
    statistics = InputStatistics.fit(kind, known)
    fresh = torch.cat([2 * torch.randn(60, 4, generator=random), known[:20], known[-1:]])
    fresh[:10, 1] = torch.arange(-5.0, 5.0)
    fresh[:3, 2], fresh[4, 0] = 3.0, torch.nan
    found, expected = PreparedInputs(statistics)(fresh), statistics.apply(fresh)
    assert found.dtype == torch.float32
    assert torch.allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_targets_are_restored_as_by_their_statistics(transform: Transform) -> None:
    known = torch.distributions.Gamma(2.0, 1.0).sample((300, 2)).double()
    statistics = TargetStatistics.fit([transform, "none"], known, ["a", "b"])
    raw = torch.linspace(-4, 4, 100)[:, None].expand(100, 2)
    found, expected = RestoredTargets(statistics)(raw), statistics.invert(raw)
    assert torch.allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_one_member_has_no_spread() -> None:
    rows = saved_models.rows(5)
    _, spread = ExportableModel(saved_models.saved_model(folds=(0,)))(rows.numeric, rows.categories)
    assert (spread == 0).all()
