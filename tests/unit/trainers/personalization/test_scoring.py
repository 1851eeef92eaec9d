"""Scores of predicted classes."""

from __future__ import annotations

import pytest
import torch

from trainers.personalization.scoring import scores


def scored(truth: list[int], predicted: list[int], n_classes: int) -> tuple[float, float]:
    found = scores(0.5, torch.tensor(truth), torch.tensor(predicted), n_classes)
    assert found.loss == 0.5
    return found.f1, found.accuracy


@pytest.mark.parametrize(
    ("truth", "predicted", "f1", "accuracy"),
    [
        ([0, 1, 1, 1], [0, 1, 1, 0], 0.8, 0.75),
        ([0, 0], [0, 0], 0.0, 1.0),
        ([1, 1], [0, 0], 0.0, 0.0),
    ],
)
def test_of_two_classes_the_second_is_scored(
    truth: list[int], predicted: list[int], f1: float, accuracy: float
) -> None:
    assert scored(truth, predicted, 2) == pytest.approx((f1, accuracy))


def test_of_more_classes_those_that_occur_count_alike() -> None:
    f1, accuracy = scored([0, 0, 1, 1], [0, 0, 1, 3], 5)
    assert f1 == pytest.approx((1 + 2 / 3 + 0) / 3) and accuracy == 0.75
