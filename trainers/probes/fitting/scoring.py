"""Test metrics of finished probes."""

from __future__ import annotations

from collections.abc import Sequence

from trainers.probes.fitting.evaluation import Evaluator
from trainers.probes.fitting.metrics import Scores, score
from trainers.probes.fitting.stacked import stack, stacked_model
from trainers.probes.reading.layer import Layer, Trained
from trainers.probes.settings import Settings


class Scorer:
    """Scores probes on the test split, many at once."""

    def __init__(self, layer: Layer, settings: Settings) -> None:
        self._settings = settings
        self._layer = layer
        self._evaluator = Evaluator(layer.rows["test"], settings.compute_dtype, layer.device)

    def score(self, finished: Sequence[Trained]) -> list[tuple[Trained, Scores]]:
        """Return each probe with its metrics."""
        if not finished:
            return []
        states = stack([trained.state for trained in finished])
        on_device = {name: value.to(self._layer.device) for name, value in states.items()}
        logits = self._evaluator.logits(stacked_model(self._settings, on_device).logits, len(finished))
        labels = self._layer.targets["test"].t()[[trained.probe for trained in finished]]
        return list(zip(finished, score(logits, labels), strict=True))
