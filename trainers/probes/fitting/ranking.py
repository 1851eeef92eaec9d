"""Areas under the ROC and precision-recall curves of many probes from one sort.

Shapes: C probes, N examples.  Counts are integers, so an area is exact up to its last division and two
probes that rank equally score equally, bit by bit.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

CHUNK_ELEMENTS = 1 << 24
"""Scores ranked at a time, to bound the memory of the index and count arrays."""


def roc_auc(scores_CN: Tensor, labels_CN: Tensor) -> Tensor:
    """Return the area under each probe's ROC curve, float64 [C], ties counted half.

    `labels_CN` holds 0 and 1.  A probe without both classes, or with a NaN score, gets NaN.
    """
    return _by_chunks(_roc_auc, scores_CN, labels_CN)


def average_precision(scores_CN: Tensor, labels_CN: Tensor) -> Tensor:
    """Return each probe's average precision, float64 [C]; NaN without a positive or with a NaN score."""
    return _by_chunks(_average_precision, scores_CN, labels_CN)


def _by_chunks(rank: Callable[[Tensor, Tensor], Tensor], scores_CN: Tensor, labels_CN: Tensor) -> Tensor:
    if scores_CN.device.type == "mps":  # has no float64
        scores_CN, labels_CN = scores_CN.cpu(), labels_CN.cpu()
    probes = max(1, CHUNK_ELEMENTS // max(1, scores_CN.shape[1]))
    areas = []
    for scores, labels in zip(scores_CN.split(probes), labels_CN.split(probes), strict=True):
        areas.append(torch.where(scores.isnan().any(1), torch.nan, rank(*_ordered(scores, labels))))
    return torch.cat(areas)


def _ordered(scores_CN: Tensor, labels_CN: Tensor) -> tuple[Tensor, Tensor]:
    """Return values that rise and tie as the scores do along each row, and the labels (int64) beside them.

    Among equal values negatives come first.
    """
    if scores_CN.device.type == "cpu" and scores_CN.dtype == torch.float32:
        # One key for score and label: numpy's vectorised sort of integers beats an argsort eight times.
        bits = (scores_CN + 0.0).view(torch.int32)
        rising = torch.where(bits < 0, bits ^ 0x7FFFFFFF, bits).long()
        keys = torch.from_numpy(np.sort((rising * 2 + labels_CN).numpy(), axis=1))
        return keys >> 1, keys & 1
    by_label = labels_CN.sort(dim=1, stable=True)
    ordered, places = scores_CN.gather(1, by_label.indices).sort(dim=1, stable=True)
    return ordered, by_label.values.gather(1, places).long()


def _roc_auc(ordered_CN: Tensor, positive_CN: Tensor) -> Tensor:
    size = ordered_CN.shape[1]
    places = torch.arange(size, device=ordered_CN.device)
    # Mann-Whitney: the places of the positives, less those they would have at the bottom, twice over.
    doubled = 2 * (positive_CN * places).sum(1)
    equal = ordered_CN[:, 1:] == ordered_CN[:, :-1]
    tied = (equal & (positive_CN[:, 1:] != positive_CN[:, :-1])).any(1)
    if bool(tied.any()):
        first, last = _run_bounds(ordered_CN[tied])
        doubled[tied] = (positive_CN[tied] * (first + last)).sum(1)
    positives = positive_CN.sum(1)
    pairs = positives * (size - positives)
    return (doubled - positives * (positives - 1)).double() / (2 * pairs).double()


def _average_precision(ordered_CN: Tensor, positive_CN: Tensor) -> Tensor:
    first, _ = _run_bounds(ordered_CN)
    positives = positive_CN.sum(1, keepdim=True)
    found = positives - (positive_CN.cumsum(1) - positive_CN).gather(1, first)
    precision = found.double() / (ordered_CN.shape[1] - first).double()
    return (positive_CN * precision).sum(1) / positives[:, 0].double()


def _run_bounds(ordered_CN: Tensor) -> tuple[Tensor, Tensor]:
    """Return the first and the last place of the run of equal values that each value is in, int64 [C, N]."""
    size = ordered_CN.shape[1]
    places = torch.arange(size, device=ordered_CN.device).expand_as(ordered_CN)
    changes = ordered_CN[:, 1:] != ordered_CN[:, :-1]
    edge = torch.ones_like(changes[:, :1])
    first = torch.where(torch.cat([edge, changes], 1), places, 0).cummax(1).values
    last = torch.where(torch.cat([changes, edge], 1), places, size).flip(1).cummin(1).values.flip(1)
    return first, last
