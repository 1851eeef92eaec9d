"""Text with a row a line and the names of the columns in the first: CSV, tab or semicolon between values."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trainers.common.errors import BadInput
from trainers.tabular.data.reading.extras import needed
from trainers.tabular.data.reading.parquet import as_array
from trainers.tabular.data.reading.room import check_names

_DELIMITERS = (",", "\t", ";", "|")
_LONGEST_LINE = 1 << 24
"""Characters of the names of all columns."""
_NOT_UTF8 = "text that is not UTF-8: save the file as UTF-8"
_QUOTED = re.compile(r'"[^"]*"')
_WHOLE = re.compile(r"(-?(?:0|[1-9]\d*))\.0+")


def names(path: Path) -> list[str]:
    """Return the names in the first line; BadInput where there is none or one occurs twice."""
    line = _first_line(path)
    if not line:
        raise BadInput(f"{path}: is empty")
    found = [name.strip() for name in next(csv.reader([line], delimiter=_delimiter(line)), [])]
    check_names(path, found)
    return found


def columns(path: Path, wanted: Sequence[str], texts: Sequence[str] = ()) -> dict[str, np.ndarray]:
    """Return these columns: float64 with NaN for what is missing, or text, as it is written, with None.

    `texts`: those that are text even where all of it are numbers.
    """
    types = needed("pyarrow.types", "a CSV file")
    table = _table(path, wanted, texts)
    dates = [name for name in wanted if types.is_temporal(table.column(name).type)]
    if dates:  # of another file the same column may be text
        table = _table(path, wanted, [*texts, *dates])
    return {
        name: _as_written(as_array(table.column(name), f"{path}: column {name!r}", _NOT_UTF8))
        for name in wanted
    }


def _table(path: Path, wanted: Sequence[str], texts: Sequence[str]) -> Any:
    arrow = needed("pyarrow.csv", "a CSV file")
    return arrow.read_csv(
        path,
        read_options=arrow.ReadOptions(column_names=names(path), skip_rows=1),
        parse_options=arrow.ParseOptions(delimiter=_delimiter(_first_line(path))),
        convert_options=_conversion(arrow, wanted, texts),
    )


def _first_line(path: Path) -> str:
    with path.open(encoding="utf-8-sig", errors="replace") as stream:
        line = stream.readline(_LONGEST_LINE)
    if len(line) == _LONGEST_LINE:
        raise BadInput(f"{path}: its first line has no end within {_LONGEST_LINE} characters")
    return line.rstrip("\r\n")


def _as_written(values: np.ndarray) -> np.ndarray:
    """Return texts with whole numbers as `as_texts` has them: `1.0` is how some programs write a 1."""
    if values.dtype.kind != "O":
        return values
    whole = {one: found[1] for one in {*values.tolist()} - {None} if (found := _WHOLE.fullmatch(one))}
    return np.array([whole.get(one, one) for one in values], dtype=object) if whole else values


def _conversion(arrow: Any, wanted: Sequence[str], texts: Sequence[str]) -> Any:
    missing = ["", "NA", "N/A", "NaN", "nan", "NULL", "null", "None", "?"]
    return arrow.ConvertOptions(
        include_columns=list(wanted),
        column_types=dict.fromkeys(texts, "string"),
        null_values=missing,
        strings_can_be_null=True,
        true_values=[],  # true, True and TRUE are as they are written
        false_values=[],
    )


def _delimiter(line: str) -> str:
    """Return what parts the values of a line: the one that occurs most often."""
    return max(_DELIMITERS, key=_QUOTED.sub("", line).count)
