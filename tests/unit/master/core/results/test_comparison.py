"""Differences between groups, and which comes first."""

from __future__ import annotations

import pytest
from scipy import stats

from master.core.results.comparison import lower_is_better, paired, ranked
from master.core.results.groups import Row, grouped

BASE = {1: 0.50, 2: 0.60, 3: 0.70}
BETTER = {1: 0.55, 2: 0.66, 3: 0.74}


def rows(name: str, of_seed: dict[int, float]) -> list[Row]:
    return [Row(f"{name}{seed}", {"way": name, "seed": seed}, {"f1": f1}) for seed, f1 in of_seed.items()]


def test_a_difference_by_seeds_has_a_narrower_interval_than_the_means() -> None:
    base, better = grouped([*rows("base", BASE), *rows("better", BETTER)])
    found = paired(better, base, "f1", ["seed"])
    assert found.unpaired == 0 and found.difference is not None and found.difference.half_width is not None
    differences = [BETTER[seed] - BASE[seed] for seed in BASE]
    wanted = stats.t.interval(0.95, 2, loc=found.difference.mean, scale=stats.sem(differences))
    assert found.difference.mean - found.difference.half_width == pytest.approx(wanted[0])
    assert found.difference.mean == pytest.approx(0.05)
    alone = better.summary("f1")
    assert alone is not None and alone.half_width is not None
    assert found.difference.half_width < alone.half_width


def test_seeds_that_one_alone_has_are_told() -> None:
    base, better = grouped([*rows("base", BASE), *rows("better", {2: 0.66, 9: 0.1})])
    found = paired(better, base, "f1", ["seed"])
    assert found.unpaired == 3
    assert found.difference is not None and found.difference.count == 1
    assert paired(better, base, "loss", ["seed"]).difference is None


def test_jobs_with_the_same_seed_are_averaged_first() -> None:
    base, better = grouped([*rows("base", BASE), *rows("better", BETTER), *rows("better", {1: 0.75})])
    found = paired(better, base, "f1", ["seed"])
    assert found.difference is not None and found.difference.count == 3
    assert found.difference.mean == pytest.approx((0.15 + 0.06 + 0.04) / 3)


@pytest.mark.parametrize(
    ("metric", "lower"),
    [
        ("val_loss", True),
        *((name, True) for name in ("val/loss", "eval.loss", "val-loss", "test loss", "valLoss", "logloss")),
        ("maestro", False),
        ("test_rmse", True),
        ("loss", True),
        ("f1", False),
        ("accuracy", False),
        ("glossy", False),
    ],
)
def test_the_better_end_of_a_metric_is_guessed_from_its_name(metric: str, lower: bool) -> None:
    assert lower_is_better(metric) is lower


def test_the_best_group_comes_first_and_those_without_the_metric_last() -> None:
    none = Row("none", {"way": "none", "seed": 1}, {})
    groups = grouped([none, *rows("base", BASE), *rows("better", BETTER)])
    names = [group.parameters["way"] for group in ranked(groups, "f1", ascending=False)]
    assert names == ["better", "base", "none"]
    assert [group.parameters["way"] for group in ranked(groups, "f1", ascending=True)] == [
        "base",
        "better",
        "none",
    ]
