"""What is asked of results, and the lines that answer."""

from __future__ import annotations

import pytest

from master.core.results.groups import Row
from master.core.results.lines import Question, ask, result_lines

ROWS = [
    Row(f"{lr}-{seed}", {"lr": lr, "model": "a", "seed": seed}, {"f1": 0.5 + lr + seed / 100, "loss": lr})
    for lr in (0.1, 0.2)
    for seed in (1, 2, 3)
]


def test_a_question_of_few_words_is_about_all_metrics_and_the_first_ones_best() -> None:
    assert ask(ROWS) == Question(("f1", "loss"), "f1", ascending=False)
    assert ask(ROWS, by="loss") == Question(("f1", "loss"), "loss", ascending=True)
    assert ask(ROWS, ["f1"], by="loss") == Question(("loss", "f1"), "loss", ascending=True)
    assert ask(ROWS, by="loss", ascending=False).ascending is False
    assert ask([]) == Question((), "", ascending=False)


def test_the_best_group_is_the_first_line() -> None:
    lines = result_lines(ROWS, ask(ROWS))
    assert [line.group.parameters for line in lines] == [{"lr": 0.2}, {"lr": 0.1}]
    best = lines[0].summaries["f1"]
    assert best is not None and best.mean == pytest.approx(0.72) and best.count == 3
    assert lines[0].missing == {"f1": 0, "loss": 0}


def test_the_others_are_compared_with_the_baseline() -> None:
    lines = result_lines(ROWS, Question(("f1",), "f1", False, baseline={"lr": 0.1}))
    first, baseline = lines
    assert baseline.against is None
    assert first.against is not None and first.against.difference is not None
    assert first.against.difference.mean == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("baseline", "says"),
    [({"lr": 7}, "no groups have lr=7"), ({"modle": "a"}, "no groups"), ({"lr": "0.1"}, "no groups")],
)
def test_a_baseline_that_is_no_group_is_told(baseline: dict[str, object], says: str) -> None:
    with pytest.raises(LookupError, match=says):
        result_lines(ROWS, Question(("f1",), "f1", False, baseline=baseline))


def test_a_baseline_that_is_several_groups_is_told() -> None:
    rows = [Row(f"{lr}{d}", {"lr": lr, "d": d}, {"f1": 1.0}) for lr in (1, 2) for d in (1, 2)]
    with pytest.raises(LookupError, match="2 groups have lr=1: a baseline is one group"):
        result_lines(rows, Question(("f1",), "f1", False, baseline={"lr": 1}))
