"""Loss, F1 and accuracy of predictions.

Shapes: N windows, K classes.
"""

from __future__ import annotations

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
    counts = torch.bincount(truth_N * n_classes + predicted_N, minlength=n_classes**2)
    confusion_KK = counts.view(n_classes, n_classes).double().cpu()
    accuracy = float(confusion_KK.trace() / confusion_KK.sum())
    return Scores(loss, _f1(confusion_KK), accuracy)


def _f1(confusion_KK: Tensor) -> float:
    """Return the F1 of a confusion matrix with the truth along the rows; 0 where nothing can be scored."""
    hits_K = confusion_KK.diagonal()
    occurs_K = confusion_KK.sum(dim=0) + confusion_KK.sum(dim=1)
    f1_K = 2 * hits_K / occurs_K.clamp(min=1)
    if len(f1_K) == 2:
        return float(f1_K[1])
    return float(f1_K[occurs_K > 0].mean())
