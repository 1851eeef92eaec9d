"""Parquet files of activations: finding and opening them, and what their lists hold.

Columns: `activation`, a list of numbers; `layer_idx`, which layer a row is of; others are for token analysis.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from trainers.common.damaged import reading
from trainers.common.errors import BadInput, TrainerError

ACTIVATION, LAYER = "activation", "layer_idx"


def find_parquet(path: Path, layer: int | None) -> tuple[Path, ...]:
    """Return the files of `path`: itself, or of a folder those named after the layer, else all."""
    if not path.is_dir():
        return (path,)
    files = sorted(path.glob("*.parquet"))
    named = [file for file in files if layer is not None and layer_in(file.stem) == layer]
    if not files:
        raise BadInput(f"{path}: no Parquet file (*.parquet) in this directory")
    return tuple(named or files)


def layer_in(stem: str) -> int | None:
    """Return the layer that a file name tells (`layer_6`, `acts-layer06`); None where it tells none."""
    found = re.search(r"layer[^0-9A-Za-z]*([0-9]+)", stem, re.IGNORECASE)
    return int(found.group(1)) if found else None


def flat(batch: Any, path: Path) -> NDArray:
    """Return the lists of a batch as one array [n, D] without a Python object for each row."""
    compute, column = arrow("pyarrow.compute"), batch.column(ACTIVATION)
    if not str(column.type).startswith(("list", "large_list", "fixed_size_list")):
        raise BadInput(f"{path}: {ACTIVATION} holds {column.type}, must be a list of numbers")
    lengths = compute.list_value_length(column)
    shortest, longest = compute.min_max(lengths).as_py().values()
    if column.null_count or shortest is None:
        raise BadInput(f"{path}: {ACTIVATION} is null in {column.null_count} rows")
    if shortest != longest or not longest:
        what = "empty" if not longest else f"ragged: rows have {shortest} to {longest} values"
        raise BadInput(f"{path}: {ACTIVATION} is {what}; every row must have the same number of values")
    values = column.flatten()
    if values.null_count or not str(values.type).startswith(("float", "double", "halffloat")):
        raise BadInput(
            f"{path}: {ACTIVATION} holds {values.null_count} nulls of {values.type}, must be floats"
        )
    flat: NDArray = values.to_numpy(zero_copy_only=False)
    return flat.reshape(batch.num_rows, longest)


def check_column(path: Path, name: str, there: Sequence[str]) -> None:
    """Raise BadInput where a file has no such column."""
    if name not in there:
        raise BadInput(f"{path}: no column {name!r}; it holds {', '.join(there)}")


def check_layer_of_name(path: Path, layer: int, there: Sequence[str]) -> None:
    """Raise BadInput where a file without a column of layers does not tell by its name that it is of one."""
    if layer_in(path.stem) != layer:
        raise BadInput(
            f"{path}: no column {LAYER!r} (it holds {', '.join(there)}) and its name does not "
            f"say layer_{layer}: nothing tells which rows are of that layer"
        )


def names_of(path: Path) -> list[str]:
    """Return the names of a file's columns."""
    with opened(path) as file:
        names: list[str] = file.schema_arrow.names
    return names


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open a Parquet file; BadInput where there is none, and for what is found damaged inside the block."""
    try:
        file = arrow("pyarrow.parquet").ParquetFile(path)
    except FileNotFoundError as error:
        raise BadInput(f"{path}: no such file") from error
    except (OSError, arrow("pyarrow").ArrowException) as error:
        raise BadInput(f"{path}: truncated or not a Parquet file ({error})") from error
    with reading(path, "Parquet, which is damaged"), file:
        yield file


def arrow(name: str) -> Any:
    """Import late: only who reads Parquet has to have it."""
    import importlib

    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise TrainerError(
            f"Parquet files need pyarrow: pip install 'twophase[parquet]' ({error})"
        ) from error


def named(files: tuple[Path, ...]) -> str:
    """Return what error messages call files that belong together."""
    return str(files[0]) if len(files) == 1 else f"{files[0]} and {len(files) - 1} more"
