"""Figures of classes, and temperature scaling."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from sklearn.metrics import f1_score, roc_auc_score

Array = NDArray[np.float64]
Classes = NDArray[np.int64]
LEAST = 1e-12
"""The least probability that a logarithm sees."""
TEMPERATURES = (0.05, 20.0)


def class_figures(truth_N: Classes, probabilities_NK: Array) -> dict[str, float]:
    """Return `accuracy`, `f1` (macro), `auc` (mean over one-versus-rest) and `log_loss`."""
    chosen = probabilities_NK.argmax(1)
    return {
        "accuracy": float(np.mean(chosen == truth_N)),
        "f1": float(f1_score(truth_N, chosen, average="macro", zero_division=0)),
        "auc": auc(truth_N, probabilities_NK),
        "log_loss": log_loss(truth_N, probabilities_NK),
    }


def log_loss(truth_N: Classes, probabilities_NK: Array) -> float:
    """Return the mean negative log-likelihood, in nats."""
    own = probabilities_NK[np.arange(len(truth_N)), truth_N]
    return float(-np.log(np.clip(own, LEAST, 1)).mean())


def auc(truth_N: Classes, probabilities_NK: Array) -> float:
    """Return the area under the curve, the mean over classes against the rest; NaN for one class alone.

    Classes that no row has are left out.
    """
    present = np.unique(truth_N)
    if len(present) < 2:
        return float("nan")
    if probabilities_NK.shape[1] == 2:
        return float(roc_auc_score(truth_N, probabilities_NK[:, 1]))
    return float(np.mean([roc_auc_score(truth_N == one, probabilities_NK[:, one]) for one in present]))


def tempered(probabilities_NK: Array, temperature: float) -> Array:
    """Return the softmax of log-probabilities divided by the temperature: above 1 is less sure."""
    scaled = np.log(np.clip(probabilities_NK, LEAST, 1)) / temperature
    powers = np.exp(scaled - scaled.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def fitted_temperature(truth_N: Classes, probabilities_NK: Array) -> float:
    """Return the temperature of least log-loss on these rows (the validation split); 1 without rows.

    Guo and others, "On calibration of modern neural networks", 2017.
    """
    if not len(truth_N):
        return 1.0
    found = minimize_scalar(
        lambda power: log_loss(truth_N, tempered(probabilities_NK, float(np.exp(power)))),
        bounds=tuple(np.log(TEMPERATURES)),
        method="bounded",
        options={"xatol": 1e-4},
    )
    return float(np.exp(found.x))
