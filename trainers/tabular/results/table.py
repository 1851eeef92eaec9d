"""The report's table as text, CSV and JSON."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from typing import Any

from trainers.tabular.evaluation.intervals import Interval
from trainers.tabular.results.figures import FigureRow
from trainers.tabular.results.model_result import ModelResult

SHOWN = ("rmse", "mae", "r2", "mape", "within_10", "coverage_90", "accuracy", "f1", "auc", "log_loss")
"""Metrics that the text has columns for; CSV and JSON have all."""
Cells = list[list[str]]


def text_table(results: Sequence[ModelResult], rows: Sequence[FigureRow]) -> str:
    """Return a table for each target: a line a model, the mean over members ± its 95 % interval."""
    targets = list(dict.fromkeys(row.target for row in rows))
    parts = [
        _aligned(f"{target}, {_scored(results)}", target_cells(results, rows, target)) for target in targets
    ]
    return "\n\n".join(parts) + "\n"


def target_cells(results: Sequence[ModelResult], rows: Sequence[FigureRow], target: str) -> Cells:
    """Return the header and a line for each model, as texts."""
    own = {(row.model, row.metric): row for row in rows if row.target == target}
    metrics = [name for name in SHOWN if any(metric == name for _, metric in own)]
    header = ["model", "members", *metrics, "seconds", "MiB", "parameters"]
    return [header, *([one.name, *_line(one, own, metrics)] for one in results)]


def _line(result: ModelResult, own: dict[tuple[str, str], FigureRow], metrics: Sequence[str]) -> list[str]:
    figures = [_cell(own.get((result.name, metric))) for metric in metrics]
    memory = "-" if result.peak_bytes is None else f"{result.peak_bytes / 2**20:.0f}"
    size = "-" if result.parameters is None else f"{result.parameters:,}"
    return [str(result.members), *figures, f"{result.seconds:.1f}", memory, size]


def _cell(row: FigureRow | None) -> str:
    if row is None:
        return "-"
    return short(row.together) if math.isnan(row.members.mean) else with_half(row.members)


def with_half(found: Interval) -> str:
    """Return a mean with half the width of its interval where there is one."""
    return short(found.mean) + ("" if math.isnan(found.half) else f" ± {found.half:.2g}")


def short(value: float) -> str:
    """Return a number with four digits, `-` for none."""
    return "-" if math.isnan(value) else f"{value:.4g}"


def _scored(results: Sequence[ModelResult]) -> str:
    return ", ".join(dict.fromkeys(f"scored on {one.scored}" for one in results))


def _aligned(title: str, cells: Cells) -> str:
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in cells]
    return "\n".join([title, *(line.rstrip() for line in lines)])


def csv_table(results: Sequence[ModelResult], rows: Sequence[FigureRow]) -> str:
    """Return a line for each model, target and metric."""
    stream = io.StringIO()
    header = ["model", "target", "metric", "split", "members", "mean", "half", "together", "low", "high"]
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([*header, "seconds", "peak_bytes", "parameters"])
    by_name = {one.name: one for one in results}
    for row in rows:
        one = by_name[row.model]
        figures = (row.members.mean, row.members.half, row.together, row.low, row.high)
        numbers = ["" if math.isnan(value) else repr(float(value)) for value in figures]
        place = [_inert(row.model), _inert(row.target), row.metric, one.scored, one.members]
        writer.writerow(
            [*place, *numbers, f"{one.seconds:.3f}", _known(one.peak_bytes), _known(one.parameters)]
        )
    return stream.getvalue()


def json_table(results: Sequence[ModelResult], rows: Sequence[FigureRow]) -> dict[str, Any]:
    """Return the same as JSON types, by model, target and metric."""
    return {one.name: _model_json(one, [row for row in rows if row.model == one.name]) for one in results}


def _model_json(result: ModelResult, rows: Sequence[FigureRow]) -> dict[str, Any]:
    metrics: dict[str, dict[str, Any]] = {}
    for row in rows:
        figures = {"together": row.together, "low": row.low, "high": row.high}
        metrics.setdefault(row.target, {})[row.metric] = {"members": row.members.as_json(), **figures}
    return {
        "scored_on": result.scored,
        "members": result.members,
        "seconds": result.seconds,
        "peak_bytes": result.peak_bytes,
        "parameters": result.parameters,
        "calibration": result.calibration.to_json(),
        "settings": dict(result.settings),
        "metrics": metrics,
        "importance": {one.column: {"mean": one.mean, "spread": one.spread} for one in result.importance},
    }


def _known(value: int | None) -> str:
    return "" if value is None else str(value)


def _inert(text: str) -> str:
    """Return a name that spreadsheets do not take for a formula."""
    return f"'{text}" if text[:1] in "=+-@\t\r" else text
