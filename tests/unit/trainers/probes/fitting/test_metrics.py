"""Metrics of many probes from their logits."""

from __future__ import annotations

import torch

from trainers.probes.fitting.metrics import accuracy, mean, score

LABELS = torch.tensor([[1, 1, 0, 0, 0], [1, 0, 0, 0, 0]])
LOGITS = torch.tensor([[2.0, -1.0, 1.0, -2.0, -3.0], [-1.0, -2.0, -3.0, -4.0, -5.0]])


def test_each_probe_has_its_own_counts() -> None:
    first, second = score(LOGITS, LABELS)
    assert first.confusion_matrix == {
        **{"true_negative": 2, "false_positive": 1, "false_negative": 1, "true_positive": 1},
    }
    assert (first.accuracy, first.precision, first.recall, first.f1) == (0.6, 0.5, 0.5, 0.5)
    assert second.confusion_matrix["false_negative"] == 1


def test_nothing_predicted_positive_is_no_precision_but_may_rank_well() -> None:
    second = score(LOGITS, LABELS)[1]
    assert (second.precision, second.recall, second.f1) == (0.0, 0.0, 0.0)
    assert (second.auc_roc, second.auc_pr) == (1.0, 1.0)


def test_a_logit_of_zero_is_no_positive_prediction() -> None:
    assert accuracy(torch.zeros(1, 4), torch.tensor([[0, 0, 1, 0]])).tolist() == [0.75]


def test_the_mean_of_nothing_is_none() -> None:
    assert mean([]) is None and mean([0.1] * 10) == 0.1
