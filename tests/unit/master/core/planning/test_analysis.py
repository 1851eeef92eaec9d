"""What sharing base models saves, and which fields split them."""

from __future__ import annotations

import json

from master.core.planning.analysis import analyze
from master.intake.jobs import parse_jobs


def test_a_field_that_is_given_only_sometimes_is_a_split() -> None:
    jobs = [{"lr": 1}, {"lr": 1, "seed": 1}, {"lr": 1, "seed": None}, {"lr": 2, "seed": 5}]
    analysis = analyze(parse_jobs(json.dumps({"jobs": jobs, "base_model": True}), code="x"), {})
    (split,) = analysis.splits
    assert (split.field, split.values) == ("seed", (None, 1, None))
    assert split.missing_in == split.spec_hashes[:1]


def test_equal_values_of_two_types_are_a_split() -> None:
    (split,) = analyze(
        parse_jobs('{"jobs": [{"lr": 1}, {"lr": 1.0}], "base_model": true}', code="x"), {}
    ).splits
    assert [type(value) for value in split.values] == [int, float]


def test_jobs_without_base_models_save_nothing() -> None:
    analysis = analyze(parse_jobs('{"grid": {"lr": [1, 2]}, "base_model": false}', code="x"), {"x": 1})
    assert (analysis.jobs, analysis.base_models, analysis.trainings_saved) == (2, (), 0)
    assert (analysis.trainings_without_reuse, analysis.gpu_hours_saved) == (2, None)
