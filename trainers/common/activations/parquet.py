"""The rows of one layer in Parquet files: one, several shards, or one a layer; lists are flattened at once.

A file is cut into row groups, which are decoded as a whole but handed out a batch at a time: reading forward
decodes each once, going back within one decodes it anew.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainers.common.activations.matrix import Read
from trainers.common.activations.parquet_files import (
    ACTIVATION,
    LAYER,
    arrow,
    check_column,
    check_layer_of_name,
    flat,
    named,
    names_of,
    opened,
)
from trainers.common.errors import BadInput

BATCH_ROWS = 16_384


@dataclass(frozen=True)
class Group:
    """A row group with rows of the layer."""

    file: Path
    number: int
    """In its file."""
    first: int
    """Its first row among all of the layer."""
    rows: int
    """How many are of the layer."""


@dataclass(frozen=True)
class ParquetRows:
    """The rows of one layer in Parquet files."""

    files: tuple[Path, ...]
    layer: int | None
    """None takes all rows."""
    limit: int | None = None
    """Rows at most, the first ones."""

    def matrix(self) -> ParquetMatrix:
        """Describe the activations [N, D]; BadInput where they are missing, or the first ragged or empty."""
        groups = tuple(self._groups())
        if not groups:
            raise BadInput(f"{named(self.files)}: no row of layer {self.layer}; {self._layers()}")
        first = next(self.blocks(groups[0]))
        n_rows = groups[-1].first + groups[-1].rows
        wanted = n_rows if self.limit is None else min(n_rows, self.limit)
        return ParquetMatrix(self, groups, wanted, first.shape[1], first.dtype)

    def columns(self, names: Sequence[str]) -> dict[str, list[Any]]:
        """Return the values of those of the columns that are there, row by row as the activations are."""
        wanted = [name for name in names if name in names_of(self.files[0])]
        found: dict[str, list[Any]] = {name: [] for name in wanted}
        for group in self._groups() if wanted else ():
            if self.limit is not None and group.first >= self.limit:
                break
            for batch in self._batches(group, wanted):
                for name in wanted:
                    found[name] += batch.column(name).to_pylist()
        return {name: values[: self.limit] for name, values in found.items()}

    def blocks(self, group: Group) -> Iterator[Tensor]:
        """Yield the activations [n, D] of a row group, as many at a time as a batch has."""
        for batch in self._batches(group, [ACTIVATION]):
            # Copied, since torch refuses arrays that may not be written to.
            yield torch.from_numpy(flat(batch, group.file).copy())

    def _batches(self, group: Group, names: list[str]) -> Iterator[Any]:
        compute, there = arrow("pyarrow.compute"), names_of(group.file)
        for name in names:
            check_column(group.file, name, there)
        by_layer = self._by_layer(there)
        columns = [*names, *([LAYER] if by_layer else [])]
        with opened(group.file) as file:
            for batch in file.iter_batches(BATCH_ROWS, row_groups=[group.number], columns=columns):
                rows = batch.filter(compute.equal(batch.column(LAYER), self.layer)) if by_layer else batch
                if rows.num_rows:
                    yield rows

    def _groups(self) -> Iterator[Group]:
        first = 0
        for path in self.files:
            there = names_of(path)
            check_column(path, ACTIVATION, there)
            if self.layer is not None and not self._by_layer(there):
                check_layer_of_name(path, self.layer, there)
            with opened(path) as file:
                for number in range(file.num_row_groups):
                    rows = self._rows(file, number, self._by_layer(there))
                    if rows:
                        yield Group(path, number, first, rows)
                    first += rows

    def _by_layer(self, there: Sequence[str]) -> bool:
        return self.layer is not None and LAYER in there

    def _rows(self, file: Any, number: int, by_layer: bool) -> int:
        about = file.metadata.row_group(number)
        if not by_layer:
            return int(about.num_rows)
        if self._is_elsewhere(about):
            return 0
        layers = file.read_row_group(number, columns=[LAYER]).column(LAYER)
        return int(
            arrow("pyarrow.compute").sum(arrow("pyarrow.compute").equal(layers, self.layer)).as_py() or 0
        )

    def _is_elsewhere(self, about: Any) -> bool:
        """Tell whether a row group says of itself that it has other layers only."""
        columns = (about.column(place) for place in range(about.num_columns))
        said = next((one.statistics for one in columns if one.path_in_schema == LAYER), None)
        return bool(said is not None and said.has_min_max and not said.min <= self.layer <= said.max)

    def _layers(self) -> str:
        found: set[int] = set()
        for path in self.files:
            if LAYER in names_of(path):
                table = arrow("pyarrow.parquet").read_table(path, columns=[LAYER])
                found.update(table[LAYER].unique().to_pylist())
        return f"the layers there are {', '.join(map(str, sorted(found)))}" if found else "it is empty"


@dataclass(frozen=True)
class ParquetMatrix:
    """Activations [N, D] in the row groups of Parquet files."""

    source: ParquetRows
    groups: tuple[Group, ...]
    n_rows: int
    n_features: int
    stored: torch.dtype

    map_offset = None
    chunk_rows = 1
    what = f"the column {ACTIVATION}"

    @property
    def path(self) -> Path:
        """The first of the files."""
        return self.source.files[0]

    @property
    def files(self) -> tuple[Path, ...]:
        """All of them."""
        return self.source.files

    @property
    def selection(self) -> str:
        """The layer."""
        return f"layer {self.source.layer}"

    @property
    def where(self) -> str:
        """The files as error messages name them."""
        return named(self.source.files)

    @contextmanager
    def opened(self) -> Iterator[Read]:
        """Return reads of rows; files are open only while they are read."""
        yield _Reader(self).read


class _Reader:
    """Reads ranges of rows; those that follow each other go on where the last one ended."""

    def __init__(self, matrix: ParquetMatrix) -> None:
        self._matrix = matrix
        self._firsts = [group.first for group in matrix.groups]
        self._group = -1
        self._blocks: Iterator[Tensor] = iter(())
        self._block = torch.empty(0, matrix.n_features)
        self._start = 0
        """First row of the block."""

    def read(self, start: int, stop: int) -> Tensor:
        parts: list[Tensor] = []
        while start < stop:
            self._go_to(start)
            part = self._block[start - self._start : stop - self._start]
            parts.append(part)
            start += len(part)
        return torch.cat(parts)

    def _go_to(self, row: int) -> None:
        group = bisect_right(self._firsts, row) - 1
        if group != self._group or row < self._start:
            self._group, self._start = group, self._firsts[group]
            self._blocks = self._matrix.source.blocks(self._matrix.groups[group])
            self._block = self._checked(next(self._blocks))
        while row >= self._start + len(self._block):
            self._start += len(self._block)
            self._block = self._checked(next(self._blocks))

    def _checked(self, block: Tensor) -> Tensor:
        if block.shape[1] != self._matrix.n_features:
            file = self._matrix.groups[self._group].file
            raise BadInput(
                f"{file}: {ACTIVATION} has {block.shape[1]} values, {self._matrix.n_features} before"
            )
        return block
