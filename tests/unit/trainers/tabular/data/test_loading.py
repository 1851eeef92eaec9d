"""Loading: files become a dataset whose statistics could only be those of its training rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from trainers.common.errors import BadInput
from trainers.tabular.data.features import FeatureRules
from trainers.tabular.data.loading import Known, Source, load
from trainers.tabular.data.reading.files import find_files
from trainers.tabular.data.schema import Schema
from trainers.tabular.data.splits import SplitOptions

N = 60


def table() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "a": rng.normal(size=N),
        "b": rng.normal(size=N),
        "colour": np.array(["red", "green", "blue"], dtype=object)[rng.integers(0, 3, N)],
        "person": np.repeat(np.arange(12.0), 5),
        "when": np.arange(float(N)),
        "y": rng.normal(size=N),
    }


def source(folder: Path, columns: dict[str, np.ndarray], **options: object) -> Source:
    rows = zip(*columns.values(), strict=True)
    lines = [",".join("" if one is None or one != one else str(one) for one in row) for row in rows]
    (folder / "rows.csv").write_text("\n".join([",".join(columns), *lines]) + "\n")
    schema = Schema(("y",), group="person", time="when")
    return replace(Source(find_files([str(folder / "rows.csv")]), schema), **options)  # type: ignore[arg-type]


def test_columns_become_rows_of_three_parts(tmp_path: Path) -> None:
    columns = table()
    found = load(source(tmp_path, columns))
    dataset = found.dataset
    assert dataset.columns.numeric == ("a", "b") and dataset.columns.categorical == ("colour",)
    assert dataset.columns.cardinalities == (4,)
    assert [len(part) for part in (dataset.train, dataset.val, dataset.test)] == [42, 9, 9]
    np.testing.assert_allclose(dataset.test.numeric[:, 0], columns["a"][found.test_rows], rtol=1e-6)
    np.testing.assert_allclose(dataset.test.targets[:, 0], columns["y"][found.test_rows])
    assert dataset.test.groups is not None
    assert dataset.test.groups.tolist() == [f"{one:.0f}" for one in columns["person"][found.test_rows]]
    assert found.notes == ()


def test_people_are_in_one_part_only(tmp_path: Path) -> None:
    dataset = load(source(tmp_path, table(), split=SplitOptions("group"))).dataset
    seen = [set(part.groups.tolist()) for part in (dataset.train, dataset.val, dataset.test)]  # type: ignore[union-attr]
    assert len(set.union(*seen)) == sum(map(len, seen)) == 12


def test_categories_of_other_parts_than_training_are_unknown_and_told(tmp_path: Path) -> None:
    columns = table()
    late = SplitOptions("time", 0.2, 0.2)
    columns["colour"][-3:] = "violet"
    found = load(source(tmp_path, columns, split=late))
    assert found.dataset.columns.cardinalities == (4,)
    assert found.dataset.test.categories[-3:, 0].tolist() == [0, 0, 0]
    assert found.notes == ("categories that no training row has, taken as unknown: colour 3",)


def test_missing_values_stay_missing_and_are_told(tmp_path: Path) -> None:
    columns = table()
    columns["a"][:4] = np.nan
    found = load(source(tmp_path, columns))
    parts = (found.dataset.train, found.dataset.val, found.dataset.test)
    assert sum(int(np.isnan(part.numeric.numpy()).sum()) for part in parts) == 4
    assert found.notes == ("missing, filled by the median of training rows: a 4",)
    dropped = load(source(tmp_path, columns, rules=FeatureRules(missing="drop")))
    assert sum(map(len, (dropped.dataset.train, dropped.dataset.val, dropped.dataset.test))) == 56
    assert dropped.notes == ("4 of 60 rows are left out, 56 are used",)


def test_rows_without_a_valid_target_are_left_out_before_the_split(tmp_path: Path) -> None:
    columns = table()
    columns["y"][:10] = np.nan
    found = load(source(tmp_path, columns))
    assert len(found.dataset.train) == 35 and found.test_rows.min() >= 10
    assert "10 of 60 rows are left out, 50 are used" in found.notes
    viable = load(source(tmp_path, columns, viability=True)).dataset
    assert len(viable.train) == 42 and viable.problem.viability


def test_the_first_rows_of_training_and_validation(tmp_path: Path) -> None:
    whole = load(source(tmp_path, table())).dataset
    few = load(source(tmp_path, table(), n_samples=5)).dataset
    assert (len(few.train), len(few.val), len(few.test)) == (5, 5, 9)
    assert few.train.numeric.equal(whole.train.numeric[:5])


def test_folds_are_of_the_rows_that_are_not_tested_on(tmp_path: Path) -> None:
    dataset = load(source(tmp_path, table(), split=SplitOptions("group", folds=3))).dataset
    assert len(dataset.val) == 0 and len(dataset.folds) == 3
    for train, val in dataset.parts():
        assert train.groups is not None and val.groups is not None
        assert not {*train.groups} & {*val.groups} and len(train) + len(val) == len(dataset.train)
    few = load(source(tmp_path, table(), split=SplitOptions(folds=3), n_samples=20)).dataset
    assert [len(train) + len(val) for train, val in few.parts()] == [20, 20, 20]


def test_groups_are_chosen_or_left_out(tmp_path: Path) -> None:
    without = load(source(tmp_path, table(), without_groups=("3", "4"))).dataset
    parts = (without.train, without.val, without.test)
    assert {*np.concatenate([part.groups for part in parts])} == {  # type: ignore[misc]
        str(one) for one in range(12) if one not in (3, 4)
    }
    only = load(source(tmp_path, table(), only_groups=("3", "4")))
    assert sorted(only.test_rows.tolist())[0] >= 15 and only.test_rows.max() < 25
    assert only.notes == ("10 of 60 rows are of the wanted groups",)
    with pytest.raises(BadInput, match="no row of the group 77; there are 0, 1, 10"):
        load(source(tmp_path, table(), only_groups=("77",)))


def test_what_a_model_knows_is_kept(tmp_path: Path) -> None:
    first = load(source(tmp_path, table()))
    known = Known(first.dataset.columns, first.vocabulary, first.dataset.problem)
    columns = table()
    columns["a"][:] = 1.0  # constant, as columns of one person may be
    columns["colour"][:] = "violet"
    found = load(source(tmp_path, columns), known=known)
    assert found.dataset.columns == first.dataset.columns
    assert (found.dataset.train.categories == 0).all()
    assert "categories that no training row has, taken as unknown: colour 60" in found.notes
    other = replace(source(tmp_path, columns), schema=Schema(("b",)))
    with pytest.raises(BadInput, match="the base model predicts y, the training b"):
        load(other, known=known)
    del columns["b"]
    with pytest.raises(BadInput, match="the model needs 3 columns, of which these are not there: b"):
        load(source(tmp_path, columns), known=known)


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        (Schema(("Y",)), "no column 'Y': did you mean 'y'"),
        (Schema(("y",), group="persons"), "no column 'persons': did you mean 'person'"),
    ],
)
def test_columns_that_are_not_there_are_told(tmp_path: Path, schema: Schema, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        load(replace(source(tmp_path, table()), schema=schema))


def test_times_may_be_dates_and_must_be_there(tmp_path: Path) -> None:
    columns = table()
    days = [f"2026-01-{day:02d}" for day in range(1, 31)]
    columns["when"] = np.array(days * 2, dtype=object)
    found = load(source(tmp_path, columns, split=SplitOptions("time", 0.2, 0.2)))
    assert {row % 30 for row in found.test_rows} == set(range(24, 30))
    columns["when"][0] = None
    with pytest.raises(BadInput, match="time column 'when'"):
        load(source(tmp_path, columns, split=SplitOptions("time")))


def test_rows_of_no_group_are_told(tmp_path: Path) -> None:
    columns = table()
    columns["person"][:2] = np.nan
    with pytest.raises(BadInput, match="group column 'person': 2 rows belong to none"):
        load(source(tmp_path, columns))
