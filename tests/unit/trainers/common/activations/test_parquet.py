"""Parquet files of activations: lists flattened at once, layers told apart, what is wrong refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from trainers.common.activations import parquet
from trainers.common.activations.loading import load_rows
from trainers.common.activations.parquet import ParquetRows
from trainers.common.activations.parquet_files import arrow, find_parquet
from trainers.common.activations.rows import ResidentRows
from trainers.common.errors import BadInput, TrainerError

pa = pytest.importorskip("pyarrow")
import pyarrow.parquet as pq  # noqa: E402

X = np.arange(60, dtype=float).reshape(20, 3)


def write(path: Path, x: object = X, layers: object = None, **columns: object) -> Path:
    rows = list(x)  # type: ignore[call-overload]
    table = {
        "activation": rows,
        "layer_idx": [0, 1] * (len(rows) // 2) if layers is None else layers,
        **columns,
    }
    pq.write_table(pa.table(table), path, row_group_size=7)
    return path


def read(path: Path, layer: int | None, limit: int | None = None) -> torch.Tensor:
    matrix = ParquetRows(find_parquet(path, layer), layer, limit).matrix()
    rows = load_rows(matrix, torch.float64, 1 << 30, torch.device("cpu"))
    assert isinstance(rows, ResidentRows)
    return rows.x_ND


def test_rows_of_a_layer_come_in_their_order_whatever_the_row_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.parquet")
    for batch in (4, 1000):
        monkeypatch.setattr(parquet, "BATCH_ROWS", batch)
        assert torch.equal(read(path, 1), torch.from_numpy(X[1::2]))
        assert torch.equal(read(path, None), torch.from_numpy(X))
        assert torch.equal(read(path, 0, limit=3), torch.from_numpy(X[::2][:3]))


def test_lists_of_a_fixed_size_and_of_floats_are_read_too(tmp_path: Path) -> None:
    fixed = pa.FixedSizeListArray.from_arrays(pa.array(X.reshape(-1).astype("f4")), 3)
    pq.write_table(pa.table({"activation": fixed, "layer_idx": [0] * 20}), tmp_path / "fixed.parquet")
    assert torch.equal(read(tmp_path / "fixed.parquet", 0), torch.from_numpy(X))


def test_shards_are_put_together_and_files_of_a_layer_told_by_name(tmp_path: Path) -> None:
    shards = tmp_path / "shards"
    shards.mkdir()
    write(shards / "0.parquet", X[:10])
    write(shards / "1.parquet", X[10:])
    assert torch.equal(read(shards, 1), torch.from_numpy(X[1::2]))
    layers = tmp_path / "layers"
    layers.mkdir()
    for layer in (3, 12):
        pq.write_table(pa.table({"activation": list(X + layer)}), layers / f"acts_layer-{layer:03}.parquet")
    assert torch.equal(read(layers, 12), torch.from_numpy(X + 12))


def test_any_range_of_rows_is_read_forward_and_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "BATCH_ROWS", 2)
    matrix = ParquetRows((write(tmp_path / "a.parquet"),), 1).matrix()
    assert (matrix.n_rows, matrix.n_features, matrix.stored) == (10, 3, torch.float64)
    assert [group.rows for group in matrix.groups] == [3, 4, 3]
    with matrix.opened() as read_range:
        for start, stop in ((0, 10), (4, 7), (6, 10), (0, 1), (2, 9), (9, 10)):
            assert torch.equal(read_range(start, stop), torch.from_numpy(X[1::2][start:stop])), (start, stop)


def test_row_groups_of_other_layers_are_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.parquet", layers=[0] * 7 + [1] * 7 + [0] * 6)
    seen: list[int] = []
    decode = ParquetRows._batches
    monkeypatch.setattr(
        ParquetRows,
        "_batches",
        lambda self, group, names: seen.append(group.number) or decode(self, group, names),
    )
    assert torch.equal(read(path, 1), torch.from_numpy(X[7:14]))
    assert {*seen} == {1}


def test_other_columns_follow_the_rows(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", token_id=list(range(20)), text_snippet=[f"s{i}" for i in range(20)])
    found = ParquetRows((path,), 1, 4).columns(["token_id", "text_snippet", "absent"])
    assert found == {"token_id": [1, 3, 5, 7], "text_snippet": ["s1", "s3", "s5", "s7"]}


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ([[1.0, 2.0], [1.0]], "ragged: rows have 1 to 2 values"),
        ([[], []], "activation is empty"),
        ([[1.0], None], "activation is null in 1 rows"),
        ([[1.0], [None]], "holds 1 nulls"),
        ([[1], [2]], "of int64, must be floats"),
        ([1.0, 2.0], "holds double, must be a list"),
    ],
)
def test_activations_of_another_form_are_refused(tmp_path: Path, x: object, message: str) -> None:
    path = write(tmp_path / "bad.parquet", x, [0, 0])
    with pytest.raises(BadInput, match=message):
        read(path, 0)


def test_what_is_not_there_is_told_with_what_is(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet")
    with pytest.raises(BadInput, match="no row of layer 7; the layers there are 0, 1"):
        read(path, 7)
    pq.write_table(pa.table({"x": [1]}), tmp_path / "other.parquet")
    with pytest.raises(BadInput, match="no column 'activation'; it holds x"):
        read(tmp_path / "other.parquet", 0)
    pq.write_table(pa.table({"activation": list(X)}), tmp_path / "plain.parquet")
    with pytest.raises(BadInput, match="nothing tells which rows are of that layer"):
        read(tmp_path / "plain.parquet", 0)
    (tmp_path / "cut.parquet").write_bytes(path.read_bytes()[:-20])
    with pytest.raises(BadInput, match="truncated or not a Parquet file"):
        read(tmp_path / "cut.parquet", 0)
    with pytest.raises(BadInput, match="no such file"):
        read(tmp_path / "none.parquet", 0)
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="no Parquet file"):
        read(tmp_path / "empty", 0)


def test_shards_of_different_width_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "0.parquet")
    write(tmp_path / "1.parquet", X[:, :2])
    with pytest.raises(BadInput, match="activation has 2 values, 3 before"):
        read(tmp_path, 0)


def test_without_pyarrow_it_is_said_what_to_install() -> None:
    with pytest.raises(TrainerError, match=r"pip install 'twophase\[parquet\]'"):
        arrow("pyarrow_that_is_not_installed")
