"""Areas under curves, against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from trainers.probes.fitting import ranking
from trainers.probes.fitting.ranking import average_precision, roc_auc


@st.composite
def scored(draw: st.DrawFn) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores with many, few or no ties, and labels of both classes."""
    probes, size = draw(st.integers(1, 5)), draw(st.integers(2, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scores = rng.normal(size=(probes, size)) * draw(st.sampled_from([1e-3, 1.0, 1e6]))
    if draw(st.booleans()):
        scores = np.round(scores / scores.std() * draw(st.sampled_from([0.5, 2.0])))
    labels = rng.random((probes, size)) < draw(st.sampled_from([0.05, 0.5, 0.9]))
    labels[:, 0], labels[:, 1] = True, False
    dtype = draw(st.sampled_from([torch.float32, torch.float64]))
    return torch.from_numpy(scores).to(dtype), torch.from_numpy(labels.astype("uint8"))


@settings(deadline=None)
@given(scored())
def test_areas_equal_those_of_scikit_learn(case: tuple[torch.Tensor, torch.Tensor]) -> None:
    scores, labels = case
    roc, precision = roc_auc(scores, labels), average_precision(scores, labels)
    for probe in range(len(scores)):
        expected = roc_auc_score(labels[probe], scores[probe])
        assert roc[probe].item() == pytest.approx(expected, abs=1e-12)
        expected = average_precision_score(labels[probe], scores[probe])
        assert precision[probe].item() == pytest.approx(expected, abs=1e-12)


def test_a_perfect_ranking_scores_exactly_one_and_its_reverse_zero() -> None:
    labels = torch.tensor([[0] * 70 + [1] * 3], dtype=torch.uint8)
    scores = torch.linspace(-3, 5, 73)[None]
    assert roc_auc(scores, labels).item() == 1.0
    assert roc_auc(-scores, labels).item() == 0.0
    assert average_precision(scores, labels).item() == 1.0


def test_negative_and_positive_zero_are_a_tie() -> None:
    labels = torch.tensor([[0, 1]], dtype=torch.uint8)
    assert roc_auc(torch.tensor([[0.0, -0.0]]), labels).item() == 0.5


def test_one_class_or_a_nan_score_gives_nan_and_leaves_the_others() -> None:
    labels = torch.tensor([[1, 1], [0, 0], [0, 1], [0, 1]], dtype=torch.uint8)
    scores = torch.tensor([[1.0, 2.0], [1.0, 2.0], [1.0, torch.nan], [1.0, 2.0]])
    areas = roc_auc(scores, labels)
    assert areas.isnan().tolist() == [True, True, True, False]
    assert areas[3].item() == 1.0


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = torch.randn(7, 30, generator=torch.Generator().manual_seed(1)).round(decimals=1)
    labels = (torch.arange(210).view(7, 30) % 3 == 0).to(torch.uint8)
    whole = roc_auc(scores, labels), average_precision(scores, labels)
    monkeypatch.setattr(ranking, "CHUNK_ELEMENTS", 60)
    assert torch.equal(roc_auc(scores, labels), whole[0])
    assert torch.equal(average_precision(scores, labels), whole[1])
