"""Parquet files, and Arrow's columns as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trainers.common.errors import BadInput
from trainers.tabular.data.reading.extras import needed
from trainers.tabular.data.reading.room import check_names, check_room


def names(path: Path) -> list[str]:
    """Return the names of the columns; BadInput where the file is no Parquet."""
    found = list(_open(path).schema_arrow.names)
    check_names(path, found)
    return found


def columns(path: Path, wanted: Sequence[str]) -> dict[str, np.ndarray]:
    """Return these columns: float64 with NaN for what is missing, or text with None."""
    file = _open(path)
    check_room(path, file.metadata.num_rows * len(wanted))
    table = file.read(columns=list(wanted))
    return {name: as_array(table.column(name), f"{path}: column {name!r}") for name in wanted}


def as_array(column: Any, place: str = "", binary: str = "") -> np.ndarray:
    """Return a column of Arrow's; BadInput, naming `place`, where it holds neither numbers nor texts.

    `binary`: what it means where it holds bytes.
    """
    types = needed("pyarrow.types", "a Parquet file")
    kind = column.type
    if types.is_dictionary(kind):
        return as_array(column.cast(kind.value_type), place, binary)
    if types.is_boolean(kind) or types.is_string(kind) or types.is_large_string(kind):
        return np.array([None if one is None else str(one) for one in column.to_pylist()], dtype=object)
    if types.is_temporal(kind):
        return np.array(
            [None if one is None else one.isoformat() for one in column.to_pylist()], dtype=object
        )
    if types.is_null(kind):
        return np.full(len(column), np.nan)
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return np.asarray(column.cast("float64").to_numpy(), dtype=np.float64)
    if binary and types.is_binary(kind):
        raise BadInput(f"{place} holds {binary}")
    raise BadInput(f"{place} holds {kind}, neither numbers nor texts")


def _open(path: Path) -> Any:
    parquet = needed("pyarrow.parquet", "a Parquet file")
    return parquet.ParquetFile(path)
