"""`features.parquet` of a finished training: a worker wrote it, so nothing in it is believed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from master.web.api.asking import Wanted
from master.web.api.errors import Wrong

TABLE = "features.parquet"
MOST_ROWS, MOST_VALUES, MOST_BYTES = 1 << 22, 1 << 24, 1 << 30
"""Of a table, of one of its columns, and of the table as it says itself."""
MOST_TOKENS = 10
LONGEST_TOKEN = 200
_MOST_DIGITS = 12
_NEEDED = ("id", "sparsity", "activation_strength", "top_strengths")
_NAMED_BY = ("top_token_texts", "top_tokens", "top_examples")
"""What tells which tokens they are, the best first."""
_SORTED_BY = {"activation": "strengths", "frequency": "sparsities", "layer": ""}
Feature = dict[str, Any]
Found = Sequence[tuple["FeatureTable", int]]
"""Features, each as its table and its number there."""


@dataclass(frozen=True)
class FeatureTable:
    """The features of one autoencoder, by their number."""

    layer: int
    sparsities: Sequence[float]
    strengths: Sequence[float]
    tops: Sequence[Sequence[float]]
    tokens: Sequence[Sequence[str]]

    def __len__(self) -> int:
        return len(self.strengths)

    def feature(self, number: int) -> Feature:
        """Return one feature."""
        pairs = zip(self.tokens[number], self.tops[number], strict=False)
        return {
            "id": feature_id(self.layer, number),
            "layer_idx": self.layer,
            "sparsity": self.sparsities[number],
            "top_tokens": [{"token": token, "strength": strength} for token, strength in pairs],
            "activation_strength": self.strengths[number],
        }

    def number_of(self, name: str) -> int | None:
        """Return the number of a feature; None for one of another table, or of none."""
        start, digits = feature_id(self.layer, 0)[:-1], name.rpartition("_")[2]
        if not (digits.isascii() and digits.isdecimal() and len(digits) < _MOST_DIGITS):
            return None
        number = int(digits)
        return number if name == f"{start}{number}" and number < len(self) else None

    def matches(self, number: int, search: str) -> bool:
        """Tell whether a lower-case text is in the id of a feature or in one of its tokens."""
        return search in feature_id(self.layer, number) or any(
            search in token.lower() for token in self.tokens[number]
        )


def feature_id(layer: int, number: int) -> str:
    """Return what a feature is called."""
    return f"layer_{layer}_feature_{number}"


def in_order(tables: Iterable[FeatureTable], wanted: Wanted) -> Found:
    """Return all features that are wanted, in the order that is."""
    search = wanted.search.strip().lower()
    found = [
        (table, number)
        for table in tables
        if wanted.layer_idx in (None, table.layer)
        for number in range(len(table))
        if not search or table.matches(number, search)
    ]
    column, down = _SORTED_BY[wanted.sort_by], wanted.sort_order == "desc"
    # Equal ones stay in the order of their numbers, whichever way the others are sorted.
    found.sort(key=lambda each: getattr(each[0], column)[each[1]] if column else each[0].layer, reverse=down)
    return found


def page_of(found: Found, wanted: Wanted) -> dict[str, Any]:
    """Return a page of features with how many there are."""
    page = found[wanted.offset : wanted.offset + wanted.limit]
    return {
        "features": [table.feature(number) for table, number in page],
        "total": len(found),
        "hasMore": wanted.offset + len(page) < len(found),
    }


def read_table(path: Path, layer: int) -> FeatureTable:
    """Read the features of a training.  Raises Wrong for what is no such table."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        problem = "features need pyarrow on this machine: pip install 'twophase[parquet]'"
        raise Wrong(HTTPStatus.SERVICE_UNAVAILABLE, problem) from error
    if not path.is_file():
        raise Wrong(HTTPStatus.BAD_REQUEST, f"the training left no {TABLE}")
    try:
        metadata = parquet.read_metadata(path)
        _check_size(metadata)
        # A text that stands once in a file may be in every row: it is read once, and cut before it is copied.
        texts = [metadata.schema.column(number).path for number in range(len(metadata.schema))]
        with parquet.ParquetFile(path, read_dictionary=texts) as file:
            names = [*_NEEDED, *(name for name in _NAMED_BY if name in file.schema_arrow.names)]
            columns = file.read(columns=names)
        return _table({name: _plain(columns[name]) for name in names}, layer)
    except (pyarrow.ArrowException, OSError, ValueError, TypeError, LookupError) as error:
        problem = f"{TABLE} of the training cannot be read: {str(error)[:300]}"
        raise Wrong(HTTPStatus.BAD_GATEWAY, problem) from error


def _check_size(metadata: Any) -> None:
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    size = sum(group.total_byte_size for group in groups)
    if metadata.num_rows > MOST_ROWS or not 0 <= size <= MOST_BYTES:
        raise ValueError(f"it has {metadata.num_rows} rows in {size} bytes, which is too much")
    for number in range(len(metadata.schema)):
        if (values := sum(group.column(number).num_values for group in groups)) > MOST_VALUES:
            name = metadata.schema.column(number).path[:LONGEST_TOKEN]
            raise ValueError(f"{name} has {values} values, which is too much")


def _plain(column: Any) -> list[Any]:
    """Return what a column holds, its texts cut.  Raises ValueError where it is neither text nor numbers."""
    return [each for chunk in column.chunks for each in _cut(chunk).to_pylist()]


def _cut(array: Any) -> Any:
    import pyarrow
    from pyarrow import compute, types

    is_list = types.is_list(array.type) or types.is_large_list(array.type)
    leaf = array.values if is_list else array
    if types.is_dictionary(leaf.type):
        words = compute.utf8_slice_codeunits(leaf.dictionary, 0, LONGEST_TOKEN)
        leaf = pyarrow.DictionaryArray.from_arrays(leaf.indices, words)
        return type(array).from_arrays(array.offsets, leaf) if is_list else leaf
    if not types.is_primitive(leaf.type) and not types.is_null(leaf.type):
        raise ValueError(f"{str(leaf.type)[:LONGEST_TOKEN]} is neither text nor a number")
    return array


def _table(columns: dict[str, list[Any]], layer: int) -> FeatureTable:
    """Return a table whose columns are what they should be.  Raises ValueError and the like."""
    if columns["id"] != list(range(len(columns["id"]))):
        raise ValueError("the ids are not 0, 1, 2 …")
    named = next((name for name in _NAMED_BY if name in columns), "")
    tops = [[_number(each) for each in row[:MOST_TOKENS]] for row in columns["top_strengths"]]
    tokens = [[_token(named, each) for each in row[:MOST_TOKENS]] for row in columns[named]] if named else []
    return FeatureTable(
        layer,
        [_number(each) for each in columns["sparsity"]],
        [_number(each) for each in columns["activation_strength"]],
        tops,
        tokens or [[""] * len(row) for row in tops],
    )


def _number(value: Any) -> float:
    if isinstance(value, str):
        raise ValueError("a figure is text")
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("a figure is no number")
    return number


def _token(column: str, value: Any) -> str:
    """Return a token as text: its own, else its number in the vocabulary, else which example it is."""
    if isinstance(value, str):
        return value[:LONGEST_TOKEN]
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("a token is neither text nor a number")
    return f"example {value}" if column == "top_examples" else str(value)
