"""What a probe has to beat: the prevalence of its class, and logistic regression solved exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from trainers.probes.fitting.exact import ExactTraining
from trainers.probes.fitting.metrics import mean
from trainers.probes.fitting.scoring import Scorer
from trainers.probes.reading.layer import Layer
from trainers.probes.settings import Settings

FIGURES = ("accuracy", "f1", "auc_roc", "auc_pr")


class Baseline:
    """The test figures of the baselines of a layer's probes."""

    def __init__(self, layer: Layer, settings: Settings, probes: Sequence[int]) -> None:
        rates = layer.targets["test"].double().mean(0).cpu().tolist()
        exact = _exact(layer, replace(settings, model_type="linear", solver="exact"), probes)
        self._figures = {
            probe: {"prevalence": prevalence(rates[probe]), "exact": exact[probe]} for probe in exact
        }

    def of(self, probe: int) -> dict[str, Any]:
        """Return the entry of one probe for its metrics file."""
        return {"baseline": self._figures[probe]}


def prevalence(rate: float) -> dict[str, float]:
    """Return the figures of one constant answer for a class of this share of positives."""
    positive = float(rate > 0.5)
    return {
        "accuracy": max(rate, 1 - rate),
        "f1": positive * 2 * rate / (1 + rate),
        "auc_roc": 0.5,
        "auc_pr": rate,
    }


def _exact(layer: Layer, settings: Settings, probes: Sequence[int]) -> dict[int, dict[str, float]]:
    solved = [one for _, _, done in ExactTraining(layer, settings, probes).run() for one in done]
    return {
        trained.probe: {name: asdict(scores)[name] for name in FIGURES}
        for trained, scores in Scorer(layer, settings).score(solved)
    }


def average_baselines(per_action: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the baselines' mean figures over all probes that have them, as an entry of the aggregate."""
    found = [one["baseline"] for one in per_action if "baseline" in one]
    if not found:
        return {}
    return {
        "baseline": {
            name: {key: mean([one[name][key] for one in found]) for key in FIGURES} for name in found[0]
        }
    }
