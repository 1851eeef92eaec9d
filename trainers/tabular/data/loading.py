"""From files to a dataset: columns read, targets and features checked, rows divided."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from trainers.common.errors import BadInput
from trainers.tabular.data.categories import Vocabulary
from trainers.tabular.data.dataset import Columns, Dataset, Fold, Problem, Rows
from trainers.tabular.data.features import (
    Constant,
    FeatureRules,
    amounts,
    kinds_of,
    missing_notes,
    unseen_note,
    whole_rows,
    without_constant,
)
from trainers.tabular.data.outcomes import Asked, Outcomes, outcomes, outcomes_of
from trainers.tabular.data.reading.files import Files, Table, as_texts
from trainers.tabular.data.schema import Schema, features_of
from trainers.tabular.data.splits import Split, SplitColumns, SplitOptions, split


@dataclass(frozen=True)
class Source:
    """Which rows a training is about."""

    files: Files
    schema: Schema
    split: SplitOptions = field(default_factory=SplitOptions)
    problem: Asked = "auto"
    viability: bool = False
    rules: FeatureRules = field(default_factory=FeatureRules)
    n_samples: int | None = None
    """The first so many rows of training and of validation."""
    without_groups: tuple[str, ...] = ()
    only_groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Loaded:
    """A dataset, and what else there is to know of it."""

    dataset: Dataset
    vocabulary: Vocabulary
    notes: tuple[str, ...]
    """What was left out, filled in or mapped, a sentence each."""
    test_rows: np.ndarray
    """[n] numbers of the test rows among all that were read, from 0."""


@dataclass(frozen=True)
class Known:
    """What a trained model fixes of the rows that it is fitted to or tried on."""

    columns: Columns
    vocabulary: Vocabulary
    problem: Problem


Named = Mapping[str, np.ndarray]
Read = Callable[[Files, Sequence[str]], Table]


def load(source: Source, read: Read = Files.read, known: Known | None = None) -> Loaded:
    """Return the dataset that the source describes; BadInput, with its place, for what cannot be used.

    `known`: the columns and categories of the model that is fitted further.
    """
    names = source.files.names()
    features = features_of(source.schema, names) if known is None else _known_features(known, names)
    files = replace(source.files, texts=_names_alone(source, known))
    table, numbers, notes = _chosen_groups(read(files, _wanted(source.schema, features)), source)
    if known is None:
        found = outcomes(table, source.schema, source.problem, source.viability)
    else:
        found = outcomes_of(table, source.schema, known.problem)
    numeric, texts = _features(table, features, source, known)
    keep = _usable(found, whole_rows(numeric, texts, source.rules.missing))
    division = _limited(split(len(keep), source.split, _split_columns(table, source.schema, keep)), source)
    features_there = _taken(numeric, keep), _taken(texts, keep)
    inputs = _inputs(features_there, division.train, source.rules.constant, known)
    groups = _group_names(table, source.schema)
    rows = Rows(
        inputs.numeric,
        inputs.categories,
        torch.from_numpy(found.values[keep]),
        None if groups is None else groups[keep],
    )
    dataset = _dataset(found, inputs.columns, rows, division)
    notes = (*notes, *found.notes, *_left_out(len(found.usable), len(keep)), *inputs.notes)
    return Loaded(dataset, inputs.vocabulary, notes, numbers[keep[division.test]])


@dataclass(frozen=True)
class _Inputs:
    """The features of the rows that are used."""

    columns: Columns
    vocabulary: Vocabulary
    numeric: torch.Tensor
    categories: torch.Tensor
    notes: tuple[str, ...]


def _inputs(
    features: tuple[Named, Named], train: np.ndarray, constant: Constant, known: Known | None
) -> _Inputs:
    numeric, texts = features
    notes: tuple[str, ...] = ()
    if known is None:
        kept, notes = without_constant({**numeric, **texts}, train, constant)
        numeric = {name: values for name, values in numeric.items() if name in kept}
        texts = {name: values for name, values in texts.items() if name in kept}
        vocabulary = Vocabulary.fit(_taken(texts, train))
        columns = Columns(tuple(numeric), tuple(texts), vocabulary.cardinalities)
    else:
        columns, vocabulary = known.columns, known.vocabulary
    x, categories, told = _matrices(columns, vocabulary, features=(numeric, texts))
    return _Inputs(columns, vocabulary, x, categories, (*notes, *told))


def _taken(columns: Mapping[str, np.ndarray], rows: np.ndarray) -> dict[str, np.ndarray]:
    return {name: values[rows] for name, values in columns.items()}


def _left_out(n_rows: int, n_used: int) -> tuple[str, ...]:
    if n_rows == n_used:
        return ()
    return (f"{n_rows - n_used} of {n_rows} rows are left out, {n_used} are used",)


def _wanted(schema: Schema, features: Sequence[str]) -> list[str]:
    others = [name for name in (schema.group, schema.time, schema.split) if name is not None]
    return list(dict.fromkeys([*features, *schema.targets, *others]))


def _names_alone(source: Source, known: Known | None) -> tuple[str, ...]:
    """Return the columns of which every value is a name, whichever file it is in."""
    schema = source.schema
    kind = source.problem if known is None else known.problem.kind
    classes = () if kind in ("auto", "regression") else schema.targets
    group = () if schema.group is None else (schema.group,)
    return (*(schema.categorical if known is None else known.columns.categorical), *classes, *group)


def _known_features(known: Known, names: Sequence[str]) -> tuple[str, ...]:
    check_columns(known.columns, names)
    return known.columns.names


def check_columns(columns: Columns, there: Sequence[str]) -> None:
    """Raise BadInput where columns of a model are not there."""
    absent = [name for name in columns.names if name not in there]
    if absent:
        raise BadInput(
            f"the model needs {len(columns.names)} columns, of which these are not there: "
            f"{', '.join(absent[:8])}; there are {', '.join(list(there)[:12])}"
        )


def _chosen_groups(table: Table, source: Source) -> tuple[Table, np.ndarray, tuple[str, ...]]:
    """Return the rows of the wanted groups, their numbers, and a note."""
    everything = np.arange(len(next(iter(table.values()))))
    if not len(everything):
        raise BadInput(f"{', '.join(map(str, source.files.paths))}: no row is there")
    if not (source.without_groups or source.only_groups):
        return table, everything, ()
    groups = _group_names(table, source.schema)
    if groups is None:
        raise BadInput("groups are chosen, but no column is named that tells them: --group COLUMN")
    absent = sorted({*source.without_groups, *source.only_groups} - {*groups.tolist()})
    if absent:
        some = ", ".join(sorted({*groups.tolist()})[:12])
        raise BadInput(f"no row of the group {', '.join(absent)}; there are {some}")
    mask = ~np.isin(groups, source.without_groups)
    if source.only_groups:
        mask &= np.isin(groups, source.only_groups)
    if not mask.any():
        raise BadInput("no row is left: --only-groups and --without-groups leave none between them")
    note = f"{int(mask.sum())} of {len(mask)} rows are of the wanted groups"
    return {name: values[mask] for name, values in table.items()}, everything[mask], (note,)


def _group_names(table: Table, schema: Schema) -> np.ndarray | None:
    if schema.group is None:
        return None
    texts = as_texts(table[schema.group])
    lacking = sum(text is None for text in texts)
    if lacking:
        raise BadInput(f"group column {schema.group!r}: {lacking} rows belong to none")
    return texts.astype(str)


def _features(
    table: Table, features: Sequence[str], source: Source, known: Known | None
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    if known is None:
        numeric, texts = kinds_of(table, features, source.schema.categorical)
    else:
        numeric, texts = list(known.columns.numeric), list(known.columns.categorical)
    return amounts(table, numeric, source.rules.infinite), {name: as_texts(table[name]) for name in texts}


def _usable(found: Outcomes, whole: np.ndarray | None) -> np.ndarray:
    """Return the numbers of the rows that can be used."""
    rows = np.flatnonzero(found.usable if whole is None else found.usable & whole)
    if not len(rows):
        raise BadInput("no row has a valid target and all features")
    return rows


def _split_columns(table: Table, schema: Schema, keep: np.ndarray) -> SplitColumns:
    groups = _group_names(table, schema)
    times = None if schema.time is None else _times(table[schema.time], schema.time)
    given = None if schema.split is None else as_texts(table[schema.split])
    return SplitColumns(*(None if one is None else one[keep] for one in (groups, times, given)))


def _times(values: np.ndarray, name: str) -> np.ndarray:
    """Return times as numbers that grow; BadInput where a row has none."""
    if values.dtype.kind == "O":
        try:
            moments = np.array(values.tolist(), dtype="datetime64[us]")
        except (ValueError, TypeError) as error:
            raise BadInput(f"time column {name!r}: must hold numbers or ISO dates in every row") from error
        values = np.where(np.isnat(moments), np.nan, moments.astype(np.int64).astype(np.float64))
    if np.isnan(values).any():
        raise BadInput(f"time column {name!r}: {int(np.isnan(values).sum())} rows have none")
    return values


def _limited(division: Split, source: Source) -> Split:
    n = source.n_samples
    if n is None:
        return division
    folds = tuple((train[train < n], val[val < n]) for train, val in division.folds)
    if any(not len(part) for fold in folds for part in fold):
        raise BadInput(f"--n-samples {n}: leaves a fold without rows")
    return replace(division, train=division.train[:n], val=division.val[:n], folds=folds)


def _matrices(
    columns: Columns, vocabulary: Vocabulary, features: tuple[Named, Named]
) -> tuple[torch.Tensor, torch.Tensor, tuple[str, ...]]:
    numeric, texts = features
    n_rows = len(next(iter((*numeric.values(), *texts.values()))))
    x = np.stack(list(numeric.values()), axis=1) if numeric else np.empty((n_rows, 0))
    categories, unseen = vocabulary.numbers(texts, n_rows)
    notes = (*missing_notes(columns, x), *unseen_note(unseen))
    return torch.from_numpy(x.astype(np.float32)), torch.from_numpy(categories), notes


def _dataset(found: Outcomes, columns: Columns, rows: Rows, division: Split) -> Dataset:
    parts = (torch.from_numpy(part) for part in (division.train, division.val, division.test))
    train, val, test = (rows.take(part) for part in parts)
    folds = tuple(Fold(torch.from_numpy(one), torch.from_numpy(other)) for one, other in division.folds)
    return Dataset(found.problem, columns, train, val, test, folds)
