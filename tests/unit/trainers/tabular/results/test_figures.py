"""The figures of a report."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from tests.unit.trainers.tabular.results import model_results
from trainers.tabular.evaluation.classification import class_figures, tempered
from trainers.tabular.evaluation.intervals import interval
from trainers.tabular.evaluation.regression import regression_figures
from trainers.tabular.results.figures import FigureRow, figure_rows
from trainers.tabular.results.model_result import ModelResult


def by_name(result: ModelResult) -> dict[tuple[str, str], FigureRow]:
    """Return the rows by target and metric."""
    return {(row.target, row.metric): row for row in figure_rows(result)}


def test_a_figure_is_of_each_member_and_of_all_together() -> None:
    result = model_results.result()
    split = result.splits["test"]
    row = by_name(result)["=rate", "rmse"]
    each = [regression_figures(split.truth[:, 1], one[:, 1])["rmse"] for one in split.predicted]
    assert row.members == interval(each)
    assert row.together == regression_figures(split.truth[:, 1], split.mean[:, 1])["rmse"]
    assert row.low < row.together < row.high
    assert row.together < row.members.mean


def test_coverage_is_in_per_cent_of_the_scored_rows() -> None:
    result = model_results.result()
    row = by_name(result)["=rate", "coverage_90"]
    split, conformal = result.splits["test"], result.calibration.conformal
    assert conformal is not None
    inside = np.abs(split.truth[:, 1] - split.mean[:, 1]) <= conformal.half(0.90)[1]
    assert row.together == pytest.approx(100 * inside.mean())
    assert math.isnan(row.members.mean) and math.isnan(row.low)


def test_one_member_has_no_pulls_and_no_interval() -> None:
    rows = by_name(model_results.result(members=1))
    assert ("=rate", "pull_sd") not in rows
    assert math.isnan(rows["=rate", "rmse"].members.half)
    assert ("=rate", "pull_sd") in by_name(model_results.result())


def test_classes_are_scored_with_the_temperature_once_together() -> None:
    result = model_results.result(kind="multiclass")
    split = result.splits["test"]
    row = by_name(result)["sort", "log_loss"]
    assert row.together == class_figures(split.truth, tempered(split.mean, 1.3))["log_loss"]
    each = [class_figures(split.truth, one)["log_loss"] for one in split.predicted]
    assert row.members == interval(each)
    assert row.low < row.together < row.high


def test_without_test_rows_the_validation_is_scored() -> None:
    result = model_results.result()
    splits = {name: one for name, one in result.splits.items() if name != "test"}
    fewer = replace(result, splits=splits)
    assert fewer.scored == "val"
    assert by_name(fewer)["=rate", "rmse"] != by_name(result)["=rate", "rmse"]


def test_rows_without_groups_are_redrawn_one_by_one() -> None:
    split = model_results.result().splits["test"]
    assert len(set(split.redrawn_together())) == 12
    assert len(set(replace(split, groups=None).redrawn_together())) == 90
