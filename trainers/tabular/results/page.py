"""The report as one page that loads nothing: texts escaped, plots inside it, no script."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Sequence
from html import escape

import numpy as np

from trainers.tabular.evaluation.classification import tempered
from trainers.tabular.results import plots
from trainers.tabular.results.figures import FigureRow
from trainers.tabular.results.model_result import Array, ModelResult, SplitResult
from trainers.tabular.results.table import Cells, short, target_cells, with_half

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 90rem; color: #222 }
table { border-collapse: collapse; display: block; overflow-x: auto; margin: .6rem 0 1.2rem }
th, td { padding: .25rem .7rem; text-align: right; border-bottom: 1px solid #ddd; white-space: nowrap }
th:first-child, td:first-child { text-align: left } th { background: #f4f4f4 }
figure { display: inline-block; margin: .3rem } img { max-width: 100% } h2 { border-top: 2px solid #ccc }
"""
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def page(title: str, results: Sequence[ModelResult], rows: Sequence[FigureRow]) -> str:
    """Return the whole page."""
    targets = list(dict.fromkeys(row.target for row in rows))
    tables = "".join(f"<h3>{escape(one)}</h3>{_table(target_cells(results, rows, one))}" for one in targets)
    parts = "".join(_model(one, [row for row in rows if row.model == one.name]) for one in results)
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>"
        f"<p>Means over members ± 95 % intervals of Student; coverage in per cent.</p>{tables}{parts}"
        "</body></html>\n"
    )


def _table(cells: Cells) -> str:
    head, *lines = cells
    first = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    rest = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in line)}</tr>" for line in lines)
    return f"<table><thead><tr>{first}</tr></thead><tbody>{rest}</tbody></table>"


def _model(result: ModelResult, rows: Sequence[FigureRow]) -> str:
    header = ["target", "metric", "each member", "together", "95 % over groups"]
    lines = [
        [
            row.target,
            row.metric,
            with_half(row.members),
            short(row.together),
            "-" if math.isnan(row.low) else f"{short(row.low)} to {short(row.high)}",
        ]
        for row in rows
    ]
    figures = "".join(_figure(text, content) for text, content in _plots(result))
    return (
        f"<h2>{escape(result.name)}</h2><p>{result.members} members, scored on {result.scored}, "
        f"{result.seconds:.1f} s of training.</p>{_table([header, *lines])}{figures}"
    )


def _figure(text: str, content: bytes) -> str:
    data = base64.b64encode(content).decode()
    return f'<figure><img src="data:image/png;base64,{data}" alt="{escape(text)}"></figure>'


def _plots(result: ModelResult) -> Iterable[tuple[str, bytes]]:
    if any(result.histories):
        title = f"{result.name}: loss"
        yield title, plots.loss_curves(result.histories, title)
    yield from _class_plots(result) if result.problem.kind != "regression" else _value_plots(result)
    if result.importance:
        title = f"{result.name}: importance"
        yield title, plots.importance_bars(result.importance, title)


def _class_plots(result: ModelResult) -> Iterable[tuple[str, bytes]]:
    split = result.splits[result.scored]
    title = f"{result.name}: classes, {result.scored}"
    yield title, plots.confusion(split.truth, split.mean, result.problem.classes, title)
    title = f"{result.name}: reliability, {result.scored}"
    scaled = tempered(split.mean, result.calibration.temperature)
    yield title, plots.reliability(split.truth, scaled, title)


def _value_plots(result: ModelResult) -> Iterable[tuple[str, bytes]]:
    split = result.splits[result.scored]
    for place, target in enumerate(result.problem.targets):
        truth, predicted = known_pairs(split, place)
        if not len(truth):
            continue
        title = f"{result.name}: {target}, {result.scored}"
        yield title, plots.true_and_predicted(truth, predicted, title, target)
        title = f"{result.name}: residuals of {target}"
        yield title, plots.residuals(truth, predicted, title, target)
        yield from _coverage(result, place, target, predicted - truth)


def _coverage(result: ModelResult, place: int, target: str, errors: Array) -> Iterable[tuple[str, bytes]]:
    if result.scored == "val" or "val" not in result.splits:
        return
    truth, predicted = known_pairs(result.splits["val"], place)
    title = f"{result.name}: coverage of {target}"
    yield title, plots.coverage_curve(predicted - truth, errors, title)


def known_pairs(split: SplitResult, place: int) -> tuple[Array, Array]:
    """Return true values of one target and the mean predictions, of rows that have a true value."""
    truth = split.truth[:, place]
    known = np.isfinite(truth)
    return truth[known], split.mean[known, place]
