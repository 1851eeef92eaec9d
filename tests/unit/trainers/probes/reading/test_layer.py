"""What every executor of probes takes and yields."""

from __future__ import annotations

import math

import pytest
import torch

from trainers.probes.reading.layer import Trained, VariantResult, best_of, pos_weights
from trainers.probes.settings import Settings


def result(auc: float, best: int = 2) -> VariantResult:
    return VariantResult({}, auc, best, 5)


@pytest.mark.parametrize(
    ("aucs", "best"), [([0.5, 0.7, 0.6], 1), ([0.5, 0.5], 0), ([math.nan, 0.0], 1), ([math.nan, math.nan], 0)]
)
def test_the_first_of_the_best_wins_and_nan_to_nobody(aucs: list[float], best: int) -> None:
    assert best_of([result(auc) for auc in aucs]) == best


def test_a_figure_is_that_of_the_best_epoch_or_of_the_only_one() -> None:
    trained = Trained(0, {}, result(0.7), [], {"val_loss": [3.0, 2.0, 1.0], "objective": [9.0]})
    assert (trained.at_best("val_loss"), trained.at_best("objective")) == (2.0, 9.0)


def test_positives_weigh_what_is_asked_for() -> None:
    targets = torch.tensor([[1, 0], [0, 0], [0, 0], [1, 0]], dtype=torch.uint8)
    assert pos_weights(Settings(), targets) is None
    balanced = pos_weights(Settings(pos_weight="balanced"), targets)
    assert balanced is not None and balanced.tolist() == [1.0, 4.0]
    fixed = pos_weights(Settings(pos_weight=2.5), targets)
    assert fixed is not None and fixed.tolist() == [2.5, 2.5] and fixed.dtype is torch.float32
