"""Settings as rows: schema, split and transforms; and what recognises a dataset."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from trainers.common.errors import BadInput
from trainers.tabular.data.dataset import Columns, Dataset, Problem, Rows
from trainers.tabular.data.schema import Valid
from trainers.tabular.request import Request
from trainers.tabular.running.source import digest_of, schema_of, source_of, transform_notes, transforms_of
from trainers.tabular.settings import Settings


def request(folder: Path, settings: Settings, **others: object) -> Request:
    (folder / "rows.csv").write_text("x,y\n1,2\n")
    made = Request(settings, (str(folder / "rows.csv"),), folder, folder)
    return replace(made, **others)  # type: ignore[arg-type]


def test_columns_have_the_uses_that_settings_say() -> None:
    settings = Settings(targets=("y",), group="g", split_column="part", valid=("y=..1,!-1",))
    found = schema_of(settings)
    assert (found.targets, found.group, found.split) == (("y",), "g", "part")
    assert found.valid == {"y": Valid.parsed("..1,!-1")}
    with pytest.raises(BadInput, match=r"--valid 0\.\.1: must be like TARGET"):
        schema_of(Settings(valid=("0..1",)))
    with pytest.raises(BadInput, match="--valid a: no target; they are y"):
        schema_of(Settings(targets=("y",), valid=("a=0..1",)))


def test_a_base_model_never_sees_the_group_that_it_is_fitted_to(tmp_path: Path) -> None:
    settings = Settings(targets=("y",), group="g", without_groups=("3",))
    base = source_of(request(tmp_path, settings, target_group="7", is_base=True))
    assert (base.without_groups, base.only_groups) == (("3", "7"), ())
    for start in (tmp_path, None):
        tuned = source_of(request(tmp_path, settings, target_group="7", start=start))
        assert (tuned.without_groups, tuned.only_groups) == (("3",), ("7",))


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="--targets COLUMN is needed"):
        source_of(request(tmp_path, Settings()))
    with pytest.raises(BadInput, match="--data FILE is needed"):
        source_of(request(tmp_path, Settings(targets=("y",)), data=()))


def test_transforms_are_for_all_targets_or_for_one() -> None:
    assert transforms_of(("log",), ("a", "b")) == ("log", "log")
    assert transforms_of(("none", "b=asinh"), ("a", "b")) == ("none", "asinh")
    with pytest.raises(BadInput, match="'c' is no target; they are a, b"):
        transforms_of(("c=log",), ("a", "b"))
    with pytest.raises(BadInput, match="--target-transform root: must be of none, log"):
        transforms_of(("root",), ("a",))


def test_transforms_that_no_model_follows_are_told() -> None:
    amount, kind = Problem("regression", ("y",)), Problem("binary", ("y",), ("a", "b"))
    both = Settings(models=("mlp", "trees"), target_transform=("log",))
    (note,) = transform_notes(both, amount)
    assert "is not for trees, which learn targets as they are" in note
    assert transform_notes(replace(both, models=("mlp",)), amount) == ()
    assert transform_notes(Settings(models=("trees",)), amount) == ()
    assert transform_notes(replace(both, models=("trees",)), amount) == (note,)
    with pytest.raises(BadInput, match="y is a binary target, not an amount"):
        transform_notes(both, kind)
    with pytest.raises(BadInput, match="--target-transform bogus: must be of none"):
        transform_notes(Settings(models=("trees",), target_transform=("bogus",)), amount)


def test_other_rows_are_another_dataset() -> None:
    rows = Rows(torch.zeros(2, 1), torch.zeros(2, 0, dtype=torch.int64), torch.zeros(2, 1))
    first = Dataset(Problem("regression", ("y",)), Columns(("x",)), rows, rows, rows)
    other = replace(first, test=replace(rows, targets=torch.ones(2, 1)))
    assert digest_of(first) == digest_of(replace(first)) != digest_of(other)
