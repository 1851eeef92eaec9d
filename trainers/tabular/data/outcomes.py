"""The target columns: which problem they are, their values, and which rows have any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from trainers.common.errors import BadInput
from trainers.tabular.data.categories import sort_key
from trainers.tabular.data.dataset import Kind, Problem
from trainers.tabular.data.features import is_text, refuse_decimal_commas
from trainers.tabular.data.reading.files import Table, as_numbers, as_texts
from trainers.tabular.data.schema import Schema, Valid

Asked = Literal["auto", "regression", "binary", "multiclass"]
_MOST_CLASSES = 1000


@dataclass(frozen=True)
class Outcomes:
    """What is to be predicted of each row."""

    problem: Problem
    values: np.ndarray
    """[N, T] float64, NaN where not valid, of a regression; [N] int64 class numbers, -1 for missing, else."""
    usable: np.ndarray
    """[N] whether a row can be trained and scored on."""
    notes: tuple[str, ...] = ()


def outcomes(table: Table, schema: Schema, asked: Asked, viability: bool = False) -> Outcomes:
    """Return the targets of all rows; BadInput where no row has a valid one, or they are no such problem."""
    kind = _kind(table, schema, asked)
    if kind == "regression":
        return _amounts(table, schema, viability)
    _refuse_ranges(schema, kind)
    if len(schema.targets) > 1 or viability:
        raise BadInput(f"a {kind} problem has one target and no viability; a regression may have more")
    return _classes(table[schema.targets[0]], schema.targets[0], kind)


def outcomes_of(table: Table, schema: Schema, problem: Problem) -> Outcomes:
    """Return the targets of all rows as a trained model knows them; BadInput where they are others."""
    if schema.targets != problem.targets:
        raise BadInput(
            f"the base model predicts {', '.join(problem.targets)}, the training {', '.join(schema.targets)}"
        )
    if problem.kind != "regression":
        _refuse_ranges(schema, problem.kind)
        numbers = class_numbers(table[problem.targets[0]], problem)
        return Outcomes(problem, numbers, numbers >= 0)
    values = valid_amounts(table, problem.targets, schema)
    known = (~np.isnan(values)).any(axis=1)
    return Outcomes(problem, values, np.ones_like(known) if problem.viability else known)


def _refuse_ranges(schema: Schema, kind: Kind) -> None:
    if schema.valid:
        raise BadInput(
            f"--valid {', '.join(schema.valid)}: a {kind} target has no range; leave it out, "
            "or --problem regression takes numbers as amounts"
        )


def class_numbers(values: np.ndarray, problem: Problem) -> np.ndarray:
    """Return [N] int64 numbers of a problem's classes, -1 for what is missing.

    Raises BadInput for a class that the problem has not.
    """
    number = {name: place for place, name in enumerate(problem.classes)}
    texts = as_texts(values)
    unknown = sorted({text for text in texts if text is not None and text not in number})
    if unknown:
        raise BadInput(
            f"target {problem.targets[0]!r}: {', '.join(unknown[:5])}: no class of the model, "
            f"which has {', '.join(problem.classes)}"
        )
    return np.array([number.get(text, -1) for text in texts], dtype=np.int64)


def valid_amounts(table: Table, targets: Sequence[str], schema: Schema) -> np.ndarray:
    """Return [N, T] float64 amounts, NaN where a target is missing or outside its valid range."""
    columns = []
    for name in targets:
        values = as_numbers(table[name], name, "--problem multiclass takes names of classes")
        values = np.where(np.isfinite(values), values, np.nan)
        columns.append(np.where(schema.valid.get(name, Valid()).of(values), values, np.nan))
    return np.stack(columns, axis=1)


def _kind(table: Table, schema: Schema, asked: Asked) -> Kind:
    if asked != "auto":
        return asked
    if len(schema.targets) > 1:
        return "regression"
    name = schema.targets[0]
    values = table[name]
    known = values[~np.isnan(values)] if values.dtype.kind == "f" else values[values != None]  # noqa: E711
    if len(np.unique(known)) == 2:
        return "binary"
    if not is_text(values):  # one word among numbers is an error, no class
        return "regression"
    refuse_decimal_commas(values, name, "--problem multiclass takes them as names of classes")
    return "multiclass"


def _amounts(table: Table, schema: Schema, viability: bool) -> Outcomes:
    values = valid_amounts(table, schema.targets, schema)
    valid = ~np.isnan(values)
    for place, name in enumerate(schema.targets):
        if not valid[:, place].any():
            raise BadInput(_none_valid(table[name], name, schema.valid.get(name)))
    known = valid.any(axis=1)
    notes = [
        f"target {name}: {int(count)} of {len(values)} rows have no valid value"
        for name, count in zip(schema.targets, (~valid).sum(axis=0), strict=True)
        if count
    ]
    usable = np.ones_like(known) if viability else known
    if viability and known.all():
        raise BadInput("--viability: every row has a valid target, so there is nothing to tell apart")
    return Outcomes(Problem("regression", schema.targets, (), viability), values, usable, tuple(notes))


def _none_valid(values: np.ndarray, name: str, valid: Valid | None) -> str:
    numbers = values[~np.isnan(values)] if values.dtype.kind == "f" else values[:0]
    if not len(numbers):
        return f"target {name!r}: is missing in every row"
    told = f"they lie between {numbers.min():g} and {numbers.max():g}"
    return f"target {name!r}: no row is in the valid range {valid}; {told}"


def _classes(values: np.ndarray, name: str, kind: Kind) -> Outcomes:
    texts = as_texts(values)
    classes = tuple(sorted({text for text in texts if text is not None}, key=sort_key))
    if len(classes) < 2:
        raise BadInput(f"target {name!r}: has the class {', '.join(classes) or 'none'} alone in every row")
    if kind == "binary" and len(classes) != 2:
        raise BadInput(f"target {name!r}: has {len(classes)} classes; --problem multiclass takes them")
    if len(classes) > _MOST_CLASSES:
        raise BadInput(f"target {name!r}: has {len(classes)} classes, at most {_MOST_CLASSES} are taken")
    problem = Problem(kind, (name,), classes)
    numbers = class_numbers(values, problem)
    usable = numbers >= 0
    missing = int((~usable).sum())
    notes = (
        (f"target {name}: {missing} of {len(values)} rows have no class and are left out",) if missing else ()
    )
    return Outcomes(problem, numbers, usable, notes)
