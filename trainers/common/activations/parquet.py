"""Parquet files of activations: one, several shards, or one a layer; lists are flattened a batch at a time.

Columns: `activation`, a list of numbers; `layer_idx`, which layer a row is of; others are for token analysis.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainers.common.errors import BadInput, TrainerError

ACTIVATION, LAYER = "activation", "layer_idx"
BATCH_ROWS = 16_384


@dataclass(frozen=True)
class ParquetRows:
    """The rows of one layer in Parquet files."""

    files: tuple[Path, ...]
    layer: int | None
    """None takes all rows."""
    limit: int | None = None
    """Rows at most, the first ones."""

    def activations(self, dtype: torch.dtype = torch.float32) -> Tensor:
        """Return the activations [N, D]; BadInput where they are missing, ragged or empty."""
        blocks: list[NDArray] = []
        left, target = self.limit, torch.empty(0, dtype=dtype).numpy().dtype
        for file, batch in self._batches([ACTIVATION]):
            block = _flat(batch, file)
            if blocks and block.shape[1] != blocks[0].shape[1]:
                raise BadInput(
                    f"{file}: {ACTIVATION} has {block.shape[1]} values, {blocks[0].shape[1]} before"
                )
            blocks.append(block[:left].astype(target))
            left = None if left is None else left - len(blocks[-1])
            if left == 0:
                break
        if not blocks:
            raise BadInput(f"{_named(self.files)}: no row of layer {self.layer}; {self._layers()}")
        return torch.from_numpy(np.concatenate(blocks))

    def columns(self, names: Sequence[str]) -> dict[str, list[Any]]:
        """Return the values of those of the columns that are there, row by row as the activations are."""
        found: dict[str, list[Any]] = {}
        wanted = [name for name in names if name in _names(self.files[0])]
        for _, batch in self._batches(wanted) if wanted else ():
            for name in wanted:
                found.setdefault(name, []).extend(batch.column(name).to_pylist())
        return {name: values[: self.limit] for name, values in found.items()}

    def _batches(self, names: list[str]) -> Iterator[tuple[Path, Any]]:
        compute = _arrow("pyarrow.compute")
        for path in self.files:
            there = _names(path)
            for name in names:
                _check_column(path, name, there)
            by_layer = self.layer is not None and LAYER in there
            if self.layer is not None and not by_layer:
                _check_layer_of_name(path, self.layer, there)
            with _opened(path) as file:
                for batch in file.iter_batches(BATCH_ROWS, columns=[*names, *([LAYER] if by_layer else [])]):
                    rows = batch.filter(compute.equal(batch.column(LAYER), self.layer)) if by_layer else batch
                    if rows.num_rows:
                        yield path, rows

    def _layers(self) -> str:
        found: set[int] = set()
        for path in self.files:
            if LAYER in _names(path):
                found.update(
                    _arrow("pyarrow.parquet").read_table(path, columns=[LAYER])[LAYER].unique().to_pylist()
                )
        return f"the layers there are {', '.join(map(str, sorted(found)))}" if found else "it is empty"


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


def _flat(batch: Any, path: Path) -> NDArray:
    """Return the lists of a batch as one array [n, D] without a Python object for each row."""
    compute, column = _arrow("pyarrow.compute"), batch.column(ACTIVATION)
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


def _check_column(path: Path, name: str, there: Sequence[str]) -> None:
    if name not in there:
        raise BadInput(f"{path}: no column {name!r}; it holds {', '.join(there)}")


def _check_layer_of_name(path: Path, layer: int, there: Sequence[str]) -> None:
    if layer_in(path.stem) != layer:
        raise BadInput(
            f"{path}: no column {LAYER!r} (it holds {', '.join(there)}) and its name does not "
            f"say layer_{layer}: nothing tells which rows are of that layer"
        )


def _names(files: Path | tuple[Path, ...]) -> list[str]:
    with _opened(files if isinstance(files, Path) else files[0]) as file:
        names: list[str] = file.schema_arrow.names
    return names


def _opened(path: Path) -> Any:
    try:
        return _arrow("pyarrow.parquet").ParquetFile(path)
    except FileNotFoundError as error:
        raise BadInput(f"{path}: no such file") from error
    except (OSError, _arrow("pyarrow").ArrowException) as error:
        raise BadInput(f"{path}: truncated or not a Parquet file ({error})") from error


def _arrow(name: str) -> Any:
    """Import late: only who reads Parquet has to have it."""
    import importlib

    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise TrainerError(
            f"Parquet files need pyarrow: pip install 'twophase[parquet]' ({error})"
        ) from error


def _named(files: tuple[Path, ...]) -> str:
    return str(files[0]) if len(files) == 1 else f"{files[0]} and {len(files) - 1} more"
