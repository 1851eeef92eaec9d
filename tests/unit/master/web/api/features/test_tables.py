"""Tables of features, which a worker wrote."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from master.web.api.asking import Wanted
from master.web.api.errors import Wrong
from master.web.api.features import tables as module
from master.web.api.features.tables import TABLE, FeatureTable, in_order, page_of, read_table

pyarrow = pytest.importorskip("pyarrow")
COLUMNS: dict[str, list[Any]] = {
    "id": [0, 1, 2],
    "layer_idx": [6, 6, 6],
    "sparsity": [0.5, 0.25, 0.5],
    "activation_strength": [1.0, 3.0, 2.0],
    "top_strengths": [[2.0, 1.0], [], [4.0]],
    "top_examples": [[5, 6], [], [7]],
    "top_tokens": [[11, 12], [], [13]],
    "top_token_texts": [["The", "</script>"], [], ["cat"]],
}


def write(folder: Path, **columns: Any) -> Path:
    """Write a table; None leaves a column out."""
    from pyarrow import parquet

    path = folder / TABLE
    known = {name: column for name, column in {**COLUMNS, **columns}.items() if column is not None}
    parquet.write_table(pyarrow.table(known), path)
    return path


@pytest.fixture
def table(tmp_path: Path) -> FeatureTable:
    return read_table(write(tmp_path), 6)


def selected(tables: Sequence[FeatureTable], wanted: Wanted) -> dict[str, Any]:
    return page_of(in_order(tables, wanted), wanted)


def ids(*tables: FeatureTable, **wanted: Any) -> list[str]:
    told = selected(tables, Wanted.model_validate(wanted))
    return [each["id"].removeprefix("layer_") for each in told["features"]]


def test_a_feature(table: FeatureTable) -> None:
    assert table.feature(0) == {
        "id": "layer_6_feature_0",
        "layer_idx": 6,
        "sparsity": 0.5,
        "top_tokens": [{"token": "The", "strength": 2.0}, {"token": "</script>", "strength": 1.0}],
        "activation_strength": 1.0,
    }


@pytest.mark.parametrize(
    ("absent", "token"), [(["top_token_texts"], "11"), (["top_token_texts", "top_tokens"], "example 5")]
)
def test_tokens_without_a_text(absent: list[str], token: str, tmp_path: Path) -> None:
    found = read_table(write(tmp_path, **dict.fromkeys(absent)), 6)
    assert found.feature(0)["top_tokens"][0]["token"] == token


def test_without_any_name_of_tokens_their_strengths_are_told(tmp_path: Path) -> None:
    absent = dict.fromkeys(("top_token_texts", "top_tokens", "top_examples"))
    assert read_table(write(tmp_path, **absent), 6).feature(2)["top_tokens"] == [
        {"token": "", "strength": 4.0}
    ]


def test_a_feature_is_found_by_its_id(table: FeatureTable) -> None:
    assert table.number_of("layer_6_feature_2") == 2
    for wrong in (
        "layer_6_feature_3",
        "layer_5_feature_0",
        "layer_6_feature_02",
        "x_0",
        "",
        "layer_6_feature_²",
    ):
        assert table.number_of(wrong) is None


def test_features_are_sorted_and_those_that_are_equal_stay_in_order(table: FeatureTable) -> None:
    other = FeatureTable(7, [0.0], [9.0], [[]], [[]])
    assert ids(table, other) == ["7_feature_0", "6_feature_1", "6_feature_2", "6_feature_0"]
    assert ids(table, sortBy="frequency") == ["6_feature_0", "6_feature_2", "6_feature_1"]
    assert ids(table, other, sortBy="layer")[0] == "7_feature_0"
    assert ids(table, sortOrder="asc") == ["6_feature_0", "6_feature_2", "6_feature_1"]


def test_a_page_of_them(table: FeatureTable) -> None:
    page = selected([table], Wanted(limit=1, offset=1))
    assert (page["total"], page["hasMore"], len(page["features"])) == (3, True, 1)
    assert selected([table], Wanted(limit=2, offset=1))["hasMore"] is False
    assert selected([table], Wanted(offset=9)) == {"features": [], "total": 3, "hasMore": False}
    assert selected([], Wanted()) == {"features": [], "total": 0, "hasMore": False}


def test_a_search_is_for_tokens_and_ids(table: FeatureTable) -> None:
    assert ids(table, search=" the ") == ids(table, search="feature_0") == ["6_feature_0"]
    assert ids(table, search="dog") == ids(table, layer_idx=5) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": [0, 2, 1]},
        {"sparsity": None},
        {"sparsity": [float("nan"), 0.0, 0.0]},
        {"activation_strength": ["a", "b", "c"]},
        {"activation_strength": [None, 1.0, 1.0]},
        {"top_strengths": [[float("inf")], [], []]},
        {"top_strengths": [1.0, 2.0, 3.0]},
        {"top_token_texts": [[1.5], [], []]},
    ],
)
def test_what_is_no_such_table_is_refused(wrong: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(Wrong, match="cannot be read") as refused:
        read_table(write(tmp_path, **wrong), 6)
    assert refused.value.status == 502


def test_what_is_no_parquet_is_refused(tmp_path: Path) -> None:
    (tmp_path / TABLE).write_bytes(b"PAR1" * 9)
    with pytest.raises(Wrong, match="cannot be read"):
        read_table(tmp_path / TABLE, 6)
    with pytest.raises(Wrong, match="left no features"):
        read_table(tmp_path / "none", 6)


@pytest.mark.parametrize("most", ["MOST_ROWS", "MOST_BYTES"])
def test_a_table_that_is_too_large_is_not_read(
    most: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, most, 2)
    with pytest.raises(Wrong, match="too much"):
        read_table(write(tmp_path), 6)


def long_text(folder: Path, rows: int, longest: int, **columns: Any) -> Path:
    """Write a table in which one long text is a token of every row."""
    text = pyarrow.DictionaryArray.from_arrays(pyarrow.array([0] * rows, pyarrow.int32()), ["7" * longest])
    lists = pyarrow.ListArray.from_arrays(list(range(rows + 1)), text)
    known = {name: [0.5] * rows for name in ("sparsity", "activation_strength")}
    given = {"id": list(range(rows)), **known, "top_strengths": [[1.0]] * rows, "top_token_texts": lists}
    found = {name: text if column == "text" else column for name, column in {**given, **columns}.items()}
    return write(folder, **{**dict.fromkeys(COLUMNS), **found})


def test_a_long_text_that_a_file_holds_once_is_not_copied_for_each_row(tmp_path: Path) -> None:
    path = long_text(tmp_path, rows=20_000, longest=1_000_000)
    assert path.stat().st_size < 4_000_000, "and 20 GB for who copies it"
    found = read_table(path, 6)
    assert found.tokens[-1] == ["7" * module.LONGEST_TOKEN] and len(found) == 20_000


def test_a_figure_that_is_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Wrong, match="a figure is text"):
        read_table(long_text(tmp_path, rows=2, longest=300, sparsity="text"), 6)


def test_a_column_of_too_many_values_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_VALUES", 4)
    with pytest.raises(Wrong, match="has 5 values, which is too much"):
        read_table(write(tmp_path, top_strengths=[[1.0, 1.0], [1.0, 1.0], [1.0]]), 6)
