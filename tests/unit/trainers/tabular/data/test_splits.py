"""Splits: shares, groups that stay whole, times in order, folds, and what is too small for them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from trainers.common.errors import BadInput
from trainers.tabular.data.splits import How, Split, SplitColumns, SplitOptions, split

GROUPS = SplitColumns(groups=np.repeat([f"p{number}" for number in range(10)], 7))


def parts(found: Split) -> list[int]:
    return [len(found.train), len(found.val), len(found.test)]


def whole(found: Split, n_rows: int) -> bool:
    return sorted([*found.train, *found.val, *found.test]) == list(range(n_rows))


def test_a_random_split_is_that_of_the_first_three_models() -> None:
    found = split(101, SplitOptions(val_share=0.1, test_share=0.0, seed=42), SplitColumns())
    order = torch.randperm(101, generator=torch.Generator().manual_seed(42)).tolist()
    assert found.train.tolist() == order[:90] and found.val.tolist() == order[90:]
    assert len(found.test) == 0


def test_shares_of_a_random_split() -> None:
    found = split(100, SplitOptions(val_share=0.2, test_share=0.1), SplitColumns())
    assert parts(found) == [70, 20, 10] and whole(found, 100)
    other = split(100, SplitOptions(val_share=0.2, test_share=0.1, seed=1), SplitColumns())
    assert found.test.tolist() != other.test.tolist()


def test_groups_stay_whole() -> None:
    found = split(70, SplitOptions("group", 0.2, 0.2), GROUPS)
    assert GROUPS.groups is not None
    seen = [set(GROUPS.groups[part].tolist()) for part in (found.train, found.val, found.test)]
    assert [len(one) for one in seen] == [6, 2, 2] and len(set.union(*seen)) == 10
    assert whole(found, 70)


def test_times_stay_in_order_and_together() -> None:
    times = np.array([5.0, 1, 2, 3, 4, 4, 4, 0, 6, 7])
    found = split(10, SplitOptions("time", 0.2, 0.2), SplitColumns(times=times))
    ends = [times[part] for part in (found.train, found.val, found.test)]
    assert ends[0].max() < ends[1].min() <= ends[1].max() < ends[2].min()
    assert whole(found, 10)


def test_a_column_says_the_part() -> None:
    words = np.array(["Train", "test", "valid", "train"], dtype=object)
    found = split(4, SplitOptions("given"), SplitColumns(given=words))
    assert (found.train.tolist(), found.val.tolist(), found.test.tolist()) == ([0, 3], [2], [1])


@pytest.mark.parametrize("how", ["random", "group"])
def test_every_row_is_held_out_once(how: How) -> None:
    found = split(70, SplitOptions(how, test_share=0.2, folds=4), GROUPS)
    n = len(found.train)
    assert len(found.val) == 0 and whole(found, 70)
    assert sorted(np.concatenate([val for _, val in found.folds]).tolist()) == list(range(n))
    for train, val in found.folds:
        assert sorted([*train, *val]) == list(range(n))
        if how == "group":
            assert GROUPS.groups is not None
            groups = GROUPS.groups[found.train]
            assert not {*groups[train]} & {*groups[val]}


def test_folds_over_time_train_on_the_past() -> None:
    times = np.arange(50.0)[::-1].copy()
    found = split(50, SplitOptions("time", test_share=0.2, folds=3), SplitColumns(times=times))
    assert parts(found) == [40, 0, 10] and times[found.test].min() == 40
    for train, val in found.folds:
        assert times[found.train][train].max() < times[found.train][val].min()


@pytest.mark.parametrize(
    ("n_rows", "options", "columns", "told"),
    [
        (70, SplitOptions("group"), SplitColumns(), "--split group needs --group COLUMN"),
        (70, SplitOptions("given"), SplitColumns(), "--split given needs --split-column COLUMN"),
        (
            4,
            SplitOptions("group"),
            SplitColumns(groups=np.array(["a", "a", "b", "b"])),
            "2 groups are too few",
        ),
        (
            9,
            SplitOptions("group", 0.5, 0.5),
            SplitColumns(groups=np.repeat(["a", "b", "c"], 3)),
            "none of them",
        ),
        (70, SplitOptions("group", folds=12), GROUPS, "groups are too few for so many folds"),
        (5, SplitOptions(test_share=0.0, folds=9), SplitColumns(), "only 5 rows"),
        (5, SplitOptions("time", test_share=0.0, folds=9), SplitColumns(times=np.arange(5.0)), "only 5 rows"),
        (3, SplitOptions(), SplitColumns(), "too few for this split"),
        (2, SplitOptions("given"), SplitColumns(given=np.array(["a", "b"])), "a, b: must be train"),
        (
            2,
            SplitOptions("given"),
            SplitColumns(given=np.array(["train", "train"])),
            "no row is left for val",
        ),
        (
            2,
            SplitOptions("given", folds=2),
            SplitColumns(given=np.array(["train", "val"])),
            "--folds goes with",
        ),
    ],
)
def test_what_cannot_be_divided_is_told(
    n_rows: int, options: SplitOptions, columns: SplitColumns, told: str
) -> None:
    with pytest.raises(BadInput, match=told):
        split(n_rows, options, columns)


def test_a_column_that_holds_nothing_out_is_told_whatever_the_share() -> None:
    given = SplitColumns(given=np.array(["train", "test", "train"], dtype=object))
    with pytest.raises(BadInput, match="no row is left for val"):
        split(3, SplitOptions("given", val_share=0.0), given)
