"""Loss, F1 and accuracy of predictions.

Shapes: N windows, K classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from trainers.personalization.data import Windows
from trainers.personalization.networks import logits

_CHUNK = 4096


@dataclass(frozen=True)
class Scores:
    """How well a network does on a set of windows."""

    loss: float
    """Mean cross-entropy, nats."""
    f1: float
    """0 to 1: of class 1 where there are two classes, else the mean over the classes that occur."""
    accuracy: float
    """0 to 1."""


def evaluate(network: nn.Module, windows: Windows) -> Scores:
    """Return the scores of the network, without dropout."""
    network.eval()
    with torch.no_grad():
        output_NK = torch.cat([logits(network, part) for part in windows.X_NCT.split(_CHUNK)])
        loss = nn.functional.cross_entropy(output_NK, windows.y_N)
    return scores(float(loss), windows.y_N, output_NK.argmax(dim=1), output_NK.shape[1])


def scores(loss: float, truth_N: Tensor, predicted_N: Tensor, n_classes: int) -> Scores:
    """Return the scores of class indices that were predicted with a known loss."""
    return scores_of_many([loss], torch.zeros_like(truth_N), truth_N, predicted_N, n_classes)[0]


def scores_of_many(
    losses: Sequence[float], owner_N: Tensor, truth_N: Tensor, predicted_N: Tensor, n_classes: int
) -> list[Scores]:
    """Return the scores of several networks, one a loss; `owner_N` says whose prediction each is."""
    cells = n_classes**2
    counts = torch.bincount(
        owner_N * cells + truth_N * n_classes + predicted_N, minlength=cells * len(losses)
    )
    confusion_MKK = counts.view(len(losses), n_classes, n_classes).double().cpu()
    hits_MK = confusion_MKK.diagonal(dim1=1, dim2=2)
    accuracy = (hits_MK.sum(dim=1) / confusion_MKK.sum(dim=(1, 2))).tolist()
    return [Scores(*one) for one in zip(losses, _f1(confusion_MKK, hits_MK), accuracy, strict=True)]


def _f1(confusion_MKK: Tensor, hits_MK: Tensor) -> list[float]:
    """Return the F1 of confusion matrices with the truth along the rows; 0 where nothing can be scored."""
    occurs_MK = confusion_MKK.sum(dim=1) + confusion_MKK.sum(dim=2)
    f1_MK = 2 * hits_MK / occurs_MK.clamp(min=1)
    if f1_MK.shape[1] == 2:
        return f1_MK[:, 1].tolist()
    return (f1_MK.sum(dim=1) / (occurs_MK > 0).sum(dim=1)).tolist()
