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

_DELIMITERS = (",", "\t", ";", "|")
_QUOTED = re.compile(r'"[^"]*"')


def names(path: Path) -> list[str]:
    """Return the names in the first line; BadInput where there is none or one occurs twice."""
    with path.open(encoding="utf-8-sig", errors="replace") as stream:
        line = stream.readline().rstrip("\r\n")
    found = [name.strip() for name in next(csv.reader([line], delimiter=_delimiter(line)), [])]
    twice = sorted({name for name in found if found.count(name) > 1})
    if not line or twice:
        raise BadInput(f"{path}: {'has the columns ' + ', '.join(twice) + ' twice' if line else 'is empty'}")
    return found


def columns(path: Path, wanted: Sequence[str]) -> dict[str, np.ndarray]:
    """Return these columns: float64 with NaN for what is missing, or text with None."""
    arrow = needed("pyarrow.csv", "a CSV file")
    present = names(path)
    with path.open(encoding="utf-8-sig", errors="replace") as stream:
        delimiter = _delimiter(stream.readline())
    try:
        table = arrow.read_csv(
            path,
            read_options=arrow.ReadOptions(column_names=present, skip_rows=1),
            parse_options=arrow.ParseOptions(delimiter=delimiter),
            convert_options=_conversion(arrow, wanted),
        )
    except (ValueError, OSError) as error:
        raise BadInput(f"{path}: cannot be read as text in columns: {error}") from error
    return {name: as_array(table.column(name)) for name in wanted}


def _conversion(arrow: Any, wanted: Sequence[str]) -> Any:
    missing = ["", "NA", "N/A", "NaN", "nan", "NULL", "null", "None", "?"]
    return arrow.ConvertOptions(include_columns=list(wanted), null_values=missing, strings_can_be_null=True)


def _delimiter(line: str) -> str:
    """Return what parts the values of a line: the one that occurs most often."""
    return max(_DELIMITERS, key=_QUOTED.sub("", line).count)
