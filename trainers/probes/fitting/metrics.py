"""Test metrics of many probes at once, from their logits."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from trainers.probes.fitting.ranking import average_precision, roc_auc


@dataclass(frozen=True)
class Scores:
    """One probe's metrics on one split; a probability above one half is a positive prediction."""

    accuracy: float
    precision: float
    """0 where nothing is predicted positive."""
    recall: float
    f1: float
    auc_roc: float
    auc_pr: float
    """Average precision."""
    confusion_matrix: dict[str, int]
    """true_negative, false_positive, false_negative, true_positive"""


def score(logits_CN: Tensor, labels_CN: Tensor) -> list[Scores]:
    """Return the metrics of each of C probes on N examples, in the order of the rows."""
    predicted = logits_CN > 0
    actual = labels_CN.bool()
    cells = (~predicted & ~actual, predicted & ~actual, ~predicted & actual, predicted & actual)
    counts = torch.stack([cell.sum(1) for cell in cells], dim=1).tolist()
    areas = zip(roc_auc(logits_CN, labels_CN), average_precision(logits_CN, labels_CN), strict=True)
    return [
        _scores(*row, auc_roc=float(roc), auc_pr=float(pr))
        for row, (roc, pr) in zip(counts, areas, strict=True)
    ]


def accuracy(logits_CN: Tensor, labels_CN: Tensor) -> Tensor:
    """Return each probe's share of right predictions, float64 [C] on the host."""
    right = (logits_CN > 0) == labels_CN.bool()
    return right.sum(1).cpu().double() / right.shape[1]


def _scores(tn: int, fp: int, fn: int, tp: int, *, auc_roc: float, auc_pr: float) -> Scores:
    return Scores(
        accuracy=(tp + tn) / (tn + fp + fn + tp),
        precision=_share(tp, tp + fp),
        recall=_share(tp, tp + fn),
        f1=_share(2 * tp, 2 * tp + fp + fn),
        auc_roc=auc_roc,
        auc_pr=auc_pr,
        confusion_matrix={
            **{"true_negative": tn, "false_positive": fp, "false_negative": fn, "true_positive": tp},
        },
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def mean(values: list[float]) -> float | None:
    """Return the mean, or None where there is nothing to average."""
    return math.fsum(values) / len(values) if values else None
