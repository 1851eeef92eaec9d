"""Finished probes, scored together on the test split."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch

from trainers.probes.fitting.scoring import Scorer
from trainers.probes.reading.layer import Layer, Trained, VariantResult
from trainers.probes.settings import Settings

X = torch.tensor([[1.0], [-1.0], [2.0], [-2.0]])
TARGETS = torch.tensor([[1, 0], [0, 1], [1, 0], [0, 1]], dtype=torch.uint8)


def scorer() -> Scorer:
    rows: Any = SimpleNamespace(n_rows=4, n_features=1, blocks=lambda: iter([X]))
    return Scorer(Layer({"test": rows}, {"test": TARGETS}, torch.device("cpu")), Settings())


def trained(probe: int, weight: float) -> Trained:
    state = {"linear.weight": torch.tensor([[weight]]), "linear.bias": torch.zeros(1)}
    return Trained(probe, state, VariantResult({}, 0.9, 1, 1), [])


def test_each_probe_is_scored_by_its_own_class() -> None:
    finished = [trained(1, -1.0), trained(0, -1.0)]
    found = scorer().score(finished)
    assert [(one.probe, scores.auc_roc, scores.accuracy) for one, scores in found] == [
        (1, 1.0, 1.0),
        (0, 0.0, 0.0),
    ]


def test_of_no_probe_there_is_no_score() -> None:
    assert scorer().score([]) == []
