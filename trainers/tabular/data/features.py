"""The feature columns: amounts and categories, checked by the rows that are trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from trainers.common.errors import BadInput
from trainers.tabular.data.dataset import Columns
from trainers.tabular.data.reading.files import DECIMAL_COMMA, Table, as_numbers

Infinite = Literal["error", "missing"]
Constant = Literal["error", "drop"]
Missing = Literal["fill", "drop", "error"]
_LISTED = 8


@dataclass(frozen=True)
class FeatureRules:
    """What to do with values that cannot be learned from as they are."""

    missing: Missing = "fill"
    """fill: by the median of the training rows, or the category 0; drop: leave such rows out."""
    infinite: Infinite = "error"
    constant: Constant = "error"


def amounts(
    table: Table, names: Sequence[str], infinite: Infinite, *, trained: bool = False
) -> dict[str, np.ndarray]:
    """Return numeric columns as float64; BadInput for texts, and for infinite values by choice.

    `trained`: a model fixes what each column is, so that no flag can change it.
    """
    found = {}
    for name in names:
        advice = f"--categorical {name!r} takes names, --exclude {name!r} none of it"
        values = as_numbers(table[name], name, "the model has amounts there" if trained else advice)
        # What float32 cannot hold is infinite in it.
        endless = np.abs(values) > np.finfo(np.float32).max
        if endless.any() and infinite == "error":
            row = int(np.argmax(endless)) + 1
            raise BadInput(
                f"column {name!r}: {int(endless.sum())} infinite values, the first in row {row}; "
                + ("the model has learned of none" if trained else "--infinite missing takes them as missing")
            )
        found[name] = np.where(endless, np.nan, values)
    return found


def kinds_of(
    table: Table, features: Sequence[str], categorical: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Return the names of numeric and of categorical features; columns of texts are categorical.

    A column of which most texts are numbers stays numeric, so that what is wrong in it is told.
    """
    texts = [name for name in features if name in categorical or is_text(table[name])]
    for name in texts:
        if name not in categorical:
            refuse_decimal_commas(table[name], name, f"--categorical {name!r} takes them as names")
    return [name for name in features if name not in texts], texts


def whole_rows(
    numeric: Mapping[str, np.ndarray], texts: Mapping[str, np.ndarray], missing: Missing
) -> np.ndarray | None:
    """Return which rows have all features where others are to be left out, else None.

    Raises BadInput where nothing may be missing and something is.
    """
    lacking = {name: np.isnan(values) for name, values in numeric.items()}
    lacking |= {name: np.array([one is None for one in values], dtype=bool) for name, values in texts.items()}
    counts = {name: int(rows.sum()) for name, rows in lacking.items() if rows.any()}
    if missing == "error" and counts:
        raise BadInput(f"values are missing: {_listed(counts)}; --missing fill or drop takes them")
    if missing != "drop" or not counts:
        return None
    return ~np.any(list(lacking.values()), axis=0)


def without_constant(
    columns: Mapping[str, np.ndarray], train: np.ndarray, rule: Constant
) -> tuple[list[str], tuple[str, ...]]:
    """Return the names of columns that differ in training rows, and notes.

    Raises BadInput for a column that is missing in all of them, and for a constant one unless it is to go.
    """
    empty, constant = [], []
    for name, values in columns.items():
        known = values[train]
        known = (
            known[[one is not None for one in known]] if known.dtype.kind == "O" else known[~np.isnan(known)]
        )
        if not len(known):
            empty.append(name)
        elif (known == known[0]).all():
            constant.append(name)
    if empty:
        raise BadInput(f"missing in every training row: {', '.join(empty)}; --exclude leaves columns out")
    if constant and rule == "error":
        raise BadInput(
            f"the same in every training row: {', '.join(constant)}; "
            "--exclude or --constant drop leaves them out"
        )
    notes = (f"left out, constant in the training rows: {', '.join(constant)}",) if constant else ()
    return [name for name in columns if name not in constant], notes


def missing_notes(columns: Columns, numeric_NF: np.ndarray) -> tuple[str, ...]:
    """Tell of each column how many values are filled in."""
    counts = dict(zip(columns.numeric, np.isnan(numeric_NF).sum(axis=0).tolist(), strict=True))
    told = {name: count for name, count in counts.items() if count}
    return (f"missing, filled by the median of training rows: {_listed(told)}",) if told else ()


def unseen_note(unseen: Mapping[str, int]) -> tuple[str, ...]:
    """Tell of each categorical column how many values no training row has."""
    return (f"categories that no training row has, taken as unknown: {_listed(unseen)}",) if unseen else ()


def _listed(counts: Mapping[str, int]) -> str:
    told = [f"{name} {count}" for name, count in counts.items()]
    return ", ".join(told[:_LISTED]) + (f" and {len(told) - _LISTED} more" if len(told) > _LISTED else "")


def is_text(values: np.ndarray) -> bool:
    """Return whether a column holds names: texts of which at most half are numbers."""
    if values.dtype.kind != "O":
        return False
    known = [one for one in values if one is not None]
    return sum(map(_is_number, known)) <= len(known) / 2


def refuse_decimal_commas(values: np.ndarray, name: str, advice: str) -> None:
    """Raise BadInput where most of a column's texts are numbers with a decimal comma."""
    known = [one for one in values if one is not None]
    count = sum(DECIMAL_COMMA.fullmatch(one) is not None for one in known)
    if count > len(known) / 2:
        first = next(one for one in known if DECIMAL_COMMA.fullmatch(one))
        raise BadInput(
            f"column {name!r}: {count} values are numbers with a decimal comma, such as {first!r}; "
            f"write them with a point, or {advice}"
        )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
