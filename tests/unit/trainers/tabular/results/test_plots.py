"""Plots."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.image import imread

from tests.unit.trainers.tabular.results.model_results import HISTORY, IMPORTANCE
from trainers.common.errors import BadInput
from trainers.tabular.results import plots

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=50), RANDOM.normal(size=50)
CLASSES, ODDS = RANDOM.integers(0, 3, size=50), RANDOM.dirichlet(np.ones(3), size=50)
PLOTS: dict[str, Callable[[], bytes]] = {
    "loss_curves": lambda: plots.loss_curves([HISTORY, HISTORY[:2]], "t"),
    "losses below zero": lambda: plots.loss_curves(
        [[{"epoch": 1, "train_loss": -1.0, "val_loss": 2.0}]], "t"
    ),
    "no epochs": lambda: plots.loss_curves([[]], "t"),
    "true_and_predicted": lambda: plots.true_and_predicted(X, Y, "t", "u"),
    "all the same": lambda: plots.true_and_predicted(np.ones(5), np.ones(5), "t", "u"),
    "no rows": lambda: plots.true_and_predicted(X[:0], Y[:0], "t", "u"),
    "histograms": lambda: plots.histograms({"true": X, "predicted": np.append(Y, np.nan)}, "t", "u"),
    "histogram_grid": lambda: plots.histogram_grid({f"c{n}": X for n in range(7)}, "t"),
    "residuals": lambda: plots.residuals(X, Y, "t", "u"),
    "coverage_curve": lambda: plots.coverage_curve(X, Y, "t"),
    "reliability": lambda: plots.reliability(CLASSES, ODDS, "t"),
    "confusion": lambda: plots.confusion(CLASSES, ODDS, ("a", "b", "c"), "t"),
    "importance_bars": lambda: plots.importance_bars(IMPORTANCE, "t"),
}


@pytest.mark.parametrize("draw", PLOTS.values(), ids=PLOTS)
def test_a_plot_shows_something(draw: Callable[[], bytes]) -> None:
    image = imread(io.BytesIO(draw()), format="png")
    assert min(image.shape[:2]) > 100 and len(np.unique(image[..., :3].reshape(-1, 3), axis=0)) > 3


def test_texts_are_no_formulas() -> None:
    assert plots.histograms({"true": X}, r"$\broken{", r"a $^ b 漢").startswith(b"\x89PNG")


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(BadInput, match="plots need the package matplotlib: pip install"):
        plots.require_matplotlib()
