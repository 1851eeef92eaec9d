"""The figures of collected experiments, and which of them make a table's columns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from master.storage.metrics_file import FILE

Metrics = Mapping[str, float]

_TITLES = {
    "best_target_model_target_test_f1": "test F1",
    "baseline_forest_target_test_f1": "forest F1",
    "baseline_logistic_regression_target_test_f1": "logistic F1",
    "best_base_model_target_test_f1": "base F1",
    "best_target_model_target_test_loss": "test loss",
    "best_target_model_target_test_accuracy": "test acc.",
    "average_auc_roc": "mean AUC",
    "baseline_exact_average_auc_roc": "exact AUC",
    "average_accuracy": "mean acc.",
}
_MOST = 3
_CONTESTS = (
    (
        "best_target_model_target_test_f1",
        re.compile(r"baseline_(.+)_target_test_f1"),
        "A {} has a better F1 than the fitted model",
    ),
    (
        "average_auc_roc",
        re.compile(r"baseline_(exact)_average_auc_roc"),
        "The {} solver has a better mean AUC than the probes",
    ),
    (
        "average_accuracy",
        re.compile(r"baseline_(prevalence)_average_accuracy"),
        "The more frequent answer, by {}, is right more often than the probes",
    ),
)
"""The figure of a fitted model, those of baselines beside it, and what is said where one is higher."""


def absence(of_jobs: Mapping[str, Metrics]) -> list[str]:
    """Say that no job that succeeded left figures, where that is so; `of_jobs` are by job id."""
    if not of_jobs or any(of_jobs.values()):
        return []
    return [f"no job left a {FILE} with numbers: the table has no results"]


def columns(rows: Iterable[Metrics]) -> list[str]:
    """Return the few metrics to show: the usual ones of a two-phase run, else the first that there are."""
    present = dict.fromkeys(name for row in rows for name in row)
    usual = [name for name in _TITLES if name in present]
    return (usual or list(present))[:_MOST]


def title(name: str) -> str:
    """Return a column's heading."""
    return _TITLES.get(name, name)


def has_baseline(row: Metrics) -> bool:
    """Return whether an experiment tells what its model has to beat."""
    return any(pattern.fullmatch(name) for name in row for _, pattern, _ in _CONTESTS)


def beaten(rows: Iterable[Metrics]) -> list[str]:
    """Say how many fitted models a baseline of the same experiment beats, a line for each baseline."""
    rows = list(rows)
    return [line for contest in _CONTESTS for line in _beaten(rows, *contest)]


def _beaten(rows: Sequence[Metrics], fitted: str, pattern: re.Pattern[str], words: str) -> list[str]:
    found: dict[str, list[bool]] = {}
    for row in rows:
        for name, value in row.items() if fitted in row else ():
            if match := pattern.fullmatch(name):
                found.setdefault(match[1].replace("_", " "), []).append(value > row[fitted])
    return [
        f"{words.format(name)} in {sum(worse):,} of {len(worse):,} experiments."
        for name, worse in found.items()
        if any(worse)
    ]
