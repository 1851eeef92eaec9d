"""Plots as PNG: the same ones stand in the page and, under their old names, in the seed's folder of plots."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.common.errors import BadInput
from trainers.tabular.evaluation.classification import Classes
from trainers.tabular.evaluation.conformal import score_quantile
from trainers.tabular.evaluation.importance import Importance

Array = NDArray[np.float64]
Draw = Callable[[Any], None]
"""Draws on axes of matplotlib."""
_BINS, _SHOWN, _LEVELS = 60, 25, np.linspace(0.05, 0.95, 19)


def require_matplotlib() -> None:
    """Raise BadInput, with what to install, where plots cannot be drawn."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise BadInput("plots need the package matplotlib: pip install 'twophase[trainers]'") from error


def png(draw: Draw, title: str, x: str, y: str, size: tuple[float, float] = (6, 4)) -> bytes:
    """Return one plot as a PNG file; texts are shown as they are, never read as formulas."""
    # Figure with its own canvas: pyplot would start a window system and costs more time to import.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="tight")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    draw(axes)
    axes.set_title(title, parse_math=False)
    axes.set_xlabel(x, parse_math=False)
    axes.set_ylabel(y, parse_math=False)
    return _file(figure)


def _file(figure: Any) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of letters that the font has not
        figure.savefig(buffer, format="png", dpi=100)
    return buffer.getvalue()


def loss_curves(histories: Sequence[Sequence[Mapping[str, Any]]], title: str) -> bytes:
    """Return training and validation losses of every member over epochs."""

    def draw(axes: Any) -> None:
        for name, colour in (("train", "tab:blue"), ("val", "tab:orange")):
            for number, history in enumerate(histories):
                known = [(one["epoch"], one[f"{name}_loss"]) for one in history if f"{name}_loss" in one]
                label = name if number == 0 else None
                axes.plot(*zip(*known, strict=True), color=colour, alpha=0.7, label=label) if known else None
        if all(value > 0 for line in axes.lines for value in line.get_ydata()):
            axes.set_yscale("log")
        axes.legend() if axes.lines else None

    return png(draw, title, "epoch", "loss")


def true_and_predicted(truth: Array, predicted: Array, title: str, unit: str) -> bytes:
    """Return true against predicted values, coloured by how many rows lie there."""

    def draw(axes: Any) -> None:
        ends = _ends(np.concatenate([truth, predicted]))
        counts, x, y = np.histogram2d(truth, predicted, bins=_BINS, range=[ends, ends])
        shown = np.where(counts > 0, counts, np.nan).T
        axes.figure.colorbar(
            axes.pcolormesh(x, y, shown, norm="log" if counts.max() >= 10 else None), label="rows"
        )
        axes.plot(ends, ends, color="black", linewidth=0.8)

    return png(draw, title, f"true {unit}", f"predicted {unit}", (5.4, 4.4))


def histograms(values: Mapping[str, Array], title: str, unit: str) -> bytes:
    """Return distributions in one plot, by their names."""

    def draw(axes: Any) -> None:
        known = {name: one[np.isfinite(one)] for name, one in values.items()}
        edges = np.linspace(*_ends(np.concatenate([*known.values()])), _BINS + 1)
        for name, one in known.items():
            axes.hist(one, bins=edges, histtype="step", linewidth=1.4)
            axes.patches[-1].set_label(name) if axes.patches else None
        axes.legend() if len(known) > 1 else None

    return png(draw, title, unit, "rows")


def histogram_grid(columns: Mapping[str, Array], title: str) -> bytes:
    """Return the distribution of every column, each on axes of its own."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    across = min(5, max(1, len(columns)))
    down = max(1, -(-len(columns) // across))
    figure = Figure(figsize=(2.6 * across, 0.6 + 2.0 * down), layout="tight")
    FigureCanvasAgg(figure)
    figure.suptitle(title, parse_math=False)
    for number, (name, values) in enumerate(columns.items()):
        axes = figure.add_subplot(down, across, number + 1)
        axes.hist(values[np.isfinite(values)], bins=_BINS)
        axes.set_title(name, parse_math=False, fontsize=9)
        axes.tick_params(labelsize=7)
    return _file(figure)


def residuals(truth: Array, predicted: Array, title: str, unit: str) -> bytes:
    """Return errors over true values, coloured by how many rows lie there."""

    def draw(axes: Any) -> None:
        errors = predicted - truth
        _density(axes, (truth, errors), (_ends(truth), _ends(errors)))
        axes.axhline(0, color="black", linewidth=0.8)

    return png(draw, title, f"true {unit}", "predicted - true", (5.4, 4.4))


def coverage_curve(calibration: Array, test: Array, title: str) -> bytes:
    """Return the coverage on the test over the level, of intervals learnt from errors on validation rows."""

    def draw(axes: Any) -> None:
        halves = [score_quantile(np.abs(calibration), level) for level in _LEVELS]
        axes.plot([0, 1], [0, 1], color="black", linewidth=0.8, label="as promised")
        axes.plot(_LEVELS, [np.mean(np.abs(test) <= half) for half in halves], "o-", label="found")
        axes.legend()

    return png(draw, title, "level", "share of rows inside", (4.6, 4.2))


def reliability(truth: Classes, probabilities: Array, title: str) -> bytes:
    """Return how often the likeliest class is right, over the probability that the model gives it."""

    def draw(axes: Any) -> None:
        sure, right = probabilities.max(1), probabilities.argmax(1) == truth
        place = np.minimum((sure * 10).astype(int), 9)
        filled = [number for number in range(10) if (place == number).any()]
        means = [(sure[place == one].mean(), right[place == one].mean()) for one in filled]
        axes.plot([0, 1], [0, 1], color="black", linewidth=0.8, label="as promised")
        axes.plot(*zip(*means, strict=True), "o-", label="found")
        axes.legend()

    return png(draw, title, "probability of the likeliest class", "share of rows right", (4.6, 4.2))


def confusion(truth: Classes, probabilities: Array, names: Sequence[str], title: str) -> bytes:
    """Return which classes are taken for which, as shares of the true class."""

    def draw(axes: Any) -> None:
        counts = np.zeros((len(names), len(names)))
        np.add.at(counts, (truth, probabilities.argmax(1)), 1)
        shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
        axes.figure.colorbar(axes.imshow(shares, vmin=0, vmax=1, cmap="Blues"))
        if len(names) <= _SHOWN:
            axes.set_xticks(range(len(names)), names, rotation=60, parse_math=False)
            axes.set_yticks(range(len(names)), names, parse_math=False)

    return png(draw, title, "predicted", "true", (5.4, 4.6))


def importance_bars(found: Sequence[Importance], title: str) -> bytes:
    """Return the columns of most importance, each with its spread over repeats."""
    shown = list(found)[:_SHOWN][::-1]

    def draw(axes: Any) -> None:
        places = range(len(shown))
        axes.barh(places, [one.mean for one in shown], xerr=[one.spread for one in shown])
        axes.set_yticks(places, [one.column for one in shown], parse_math=False)

    return png(draw, title, "loss added by shuffling", "", (6, 1 + 0.25 * len(shown)))


def _density(axes: Any, values: tuple[Array, Array], ranges: tuple[tuple[float, float], ...]) -> None:
    counts, x, y = np.histogram2d(*values, bins=_BINS, range=ranges)
    shown = np.where(counts > 0, counts, np.nan).T
    mesh = axes.pcolormesh(x, y, shown, norm="log" if counts.max() >= 10 else None)
    axes.figure.colorbar(mesh, label="rows")


def _ends(values: Array) -> tuple[float, float]:
    """Return where axes begin and end; never one point."""
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    return (low, high) if high > low else (low - 0.5, high + 0.5)
