"""Which jobs share a line, and what is missing from it."""

from __future__ import annotations

from typing import Any

from master.core.results.groups import Repeat, Row, grouped, varying


def row(name: str, f1: float | None = 0.5, **parameters: Any) -> Row:
    return Row(name, parameters, {} if f1 is None else {"f1": f1})


def test_jobs_that_differ_in_seed_and_fold_alone_share_a_group() -> None:
    rows = [
        row(f"{lr}-{seed}-{fold}", lr=lr, seed=seed, fold=fold, epochs=3)
        for lr in (0.1, 0.2)
        for seed in (1, 2)
        for fold in (0, 1)
    ]
    groups = grouped(rows)
    assert [group.parameters for group in groups] == [{"lr": 0.1}, {"lr": 0.2}]
    assert [len(group.rows) for group in groups] == [4, 4]
    assert not any(group.absent for group in groups)


def test_what_is_averaged_over_is_the_users_choice() -> None:
    rows = [row(f"{who}{seed}", who=who, seed=seed) for who in "ab" for seed in (1, 2)]
    assert [group.parameters for group in grouped(rows, over=["who"])] == [{"seed": 1}, {"seed": 2}]
    assert [len(group.rows) for group in grouped(rows, over=[])] == [1, 1, 1, 1]


def test_what_has_no_figure_is_counted() -> None:
    rows = [row("a1", 0.7, lr=1, seed=1), row("a2", None, lr=1, seed=2), row("b1", 0.9, lr=2, seed=1)]
    rows += [row("c1", lr=3, seed=1), row("c2", lr=3, seed=2)]
    first, second, _ = grouped(rows)
    assert (first.missing("f1"), first.values("f1")) == (1, [0.7])
    assert second.absent == (Repeat(("seed",), ("2",)),)
    assert (second.missing("f1"), second.missing("loss")) == (1, 2)
    assert str(second.absent[0]) == "seed=2"


def test_a_parameter_that_a_job_does_not_have_tells_it_apart() -> None:
    rows = [row("a", lr=1), row("b", lr=1, dropout=0.5)]
    assert varying(rows) == ["dropout"]
    assert [group.parameters for group in grouped(rows)] == [{}, {"dropout": 0.5}]


def test_one_and_one_point_zero_are_one_value_and_text_is_another() -> None:
    rows = [row("a", lr=1), row("b", lr=1.0), row("c", lr="1"), row("d", lr=True)]
    assert [[each.job_id for each in group.rows] for group in grouped(rows)] == [["a", "b"], ["c"], ["d"]]


def test_lists_and_objects_can_be_parameters() -> None:
    rows = [row("a", widths=[1, 2], seed=1), row("b", widths=[1, 2], seed=2), row("c", widths=[2], seed=1)]
    assert [len(group.rows) for group in grouped(rows)] == [2, 1]


def test_jobs_without_seed_or_fold_are_groups_of_their_own() -> None:
    rows = [row("a", lr=1), row("b", lr=2)]
    assert [group.absent for group in grouped(rows)] == [(), ()]


def test_no_jobs_are_no_groups() -> None:
    assert grouped([]) == []


def test_a_seed_that_is_one_groups_own_is_missing_nowhere_else() -> None:
    groups = grouped([row(f"job{n}", lr=n, seed=1000 + n) for n in range(50)])
    assert len(groups) == 50 and not any(group.absent for group in groups)


def test_a_seed_that_most_groups_have_is_missing_in_the_others() -> None:
    rows = [
        row(f"{lr}-{seed}", lr=lr, seed=seed) for lr in (1, 2, 3) for seed in (1, 2) if (lr, seed) != (3, 2)
    ]
    assert [len(group.absent) for group in grouped(rows)] == [0, 0, 1]
