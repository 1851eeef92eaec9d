"""Which rows are trained on, held out and tested on: at random, by group, by time, or as a column says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from trainers.common.errors import BadInput

How = Literal["random", "group", "time", "given"]
HOWS: tuple[How, ...] = ("random", "group", "time", "given")
PARTS = ("train", "val", "test")
_GIVEN = {"train": 0, "training": 0, "val": 1, "valid": 1, "validation": 1, "test": 2, "testing": 2}
Index = np.ndarray
"""[n] int64 row numbers."""


@dataclass(frozen=True)
class SplitOptions:
    """How rows are divided."""

    how: How = "random"
    val_share: float = 0.15
    test_share: float = 0.15
    seed: int = 42
    folds: int = 0
    """Above 1: so many folds of all rows that are not tested on, instead of one validation."""


@dataclass(frozen=True)
class SplitColumns:
    """What a split goes by, [N] each, where it is there."""

    groups: np.ndarray | None = None
    times: np.ndarray | None = None
    given: np.ndarray | None = None


@dataclass(frozen=True)
class Split:
    """Row numbers of the three parts; with folds, `val` is empty and the folds are within `train`."""

    train: Index
    val: Index
    test: Index
    folds: tuple[tuple[Index, Index], ...] = ()
    """(training, held out) positions within `train`."""


def split(n_rows: int, options: SplitOptions, columns: SplitColumns) -> Split:
    """Divide rows; BadInput where there are too few rows or groups for it, or no such column."""
    if options.folds > 1:
        return _crossed(n_rows, options, columns)
    shares = (options.val_share, options.test_share)
    if options.how == "random":
        found = _random(n_rows, shares, options.seed)
    elif options.how == "group":
        found = _by_group(_needed(columns.groups, "group"), shares, options.seed)
    elif options.how == "time":
        found = _by_time(_needed(columns.times, "time"), shares)
    else:
        found = _as_given(_needed(columns.given, "split"))
    for name, part, share in zip(PARTS, found, (1.0, *shares), strict=True):
        needed = name != "test" if options.how == "given" else share > 0
        if needed and not len(part):
            raise BadInput(f"no row is left for {name}: {n_rows} rows are too few for this split")
    return Split(*found)


def _needed(values: np.ndarray | None, what: str) -> np.ndarray:
    if values is None:
        flag = "--split-column" if what == "split" else f"--{what}"
        raise BadInput(f"--split {'given' if what == 'split' else what} needs {flag} COLUMN")
    return values


def _random(n_rows: int, shares: tuple[float, float], seed: int) -> tuple[Index, Index, Index]:
    order = torch.randperm(n_rows, generator=torch.Generator().manual_seed(seed)).numpy()
    return _cut(order, shares)


def _cut(order: Index, shares: tuple[float, float]) -> tuple[Index, Index, Index]:
    """Return the parts in the order train, val, test; whole rows of the shares, the rest is for training."""
    n_train = int(len(order) * (1 - sum(shares)) + 1e-9)
    n_test = int(len(order) * shares[1] + 1e-9)
    return order[:n_train], order[n_train : len(order) - n_test], order[len(order) - n_test :]


def _by_group(groups: np.ndarray, shares: tuple[float, float], seed: int) -> tuple[Index, Index, Index]:
    names = np.unique(groups)
    needed = 1 + sum(share > 0 for share in shares)
    if len(names) < needed:
        raise BadInput(f"{len(names)} groups are too few for this split, which needs {needed}")
    order = torch.randperm(len(names), generator=torch.Generator().manual_seed(seed)).numpy()
    n_val, n_test = (max(1, round(len(names) * share)) if share > 0 else 0 for share in shares)
    n_train = len(names) - n_val - n_test
    if n_train < 1:
        raise BadInput(f"{len(names)} groups are too few: none of them is left to train on")
    parts = (order[:n_train], order[n_train : n_train + n_val], order[n_train + n_val :])
    train, val, test = (np.flatnonzero(np.isin(groups, names[part])) for part in parts)
    return train, val, test


def _by_time(times: np.ndarray, shares: tuple[float, float]) -> tuple[Index, Index, Index]:
    """Return the earliest rows, later ones, the latest; what happened at one time stays together."""
    order = np.argsort(times, kind="stable")
    train, val, _ = _cut(order, shares)
    bounds = [_start_of_time(times[order], n) for n in (len(train), len(train) + len(val))]
    return order[: bounds[0]], order[bounds[0] : bounds[1]], order[bounds[1] :]


def _start_of_time(ordered: np.ndarray, place: int) -> int:
    if place >= len(ordered):
        return len(ordered)
    return int(np.searchsorted(ordered, ordered[place], side="left"))


def _as_given(words: np.ndarray) -> tuple[Index, Index, Index]:
    lower = np.array([str(word).strip().lower() for word in words])
    unknown = sorted({*lower.tolist()} - {*_GIVEN})
    if unknown:
        raise BadInput(f"--split-column: {', '.join(unknown[:5])}: must be train, val or test")
    numbers = np.array([_GIVEN[word] for word in lower.tolist()])
    train, val, test = (np.flatnonzero(numbers == part) for part in range(3))
    return train, val, test


def _crossed(n_rows: int, options: SplitOptions, columns: SplitColumns) -> Split:
    """Take the test rows as ever, and divide all others into folds in the same way."""
    if options.how == "given":
        raise BadInput("--folds goes with --split random, group or time")
    train, val, test = _without_val(n_rows, options, columns)
    rows = np.concatenate([train, val])
    rng = np.random.default_rng(options.seed)
    if options.how == "group":
        blocks = _group_blocks(_needed(columns.groups, "group")[rows], options.folds, rng)
    elif options.how == "time":
        return Split(rows, rows[:0], test, _forward(len(rows), options.folds))
    else:
        blocks = np.array_split(rng.permutation(len(rows)), options.folds)
    if min(len(block) for block in blocks) == 0:
        raise BadInput(f"--folds {options.folds}: only {len(rows)} rows, too few for so many folds")
    everything = np.arange(len(rows))
    folds = tuple((np.setdiff1d(everything, block), np.sort(block)) for block in blocks)
    return Split(rows, rows[:0], test, folds)


def _without_val(n_rows: int, options: SplitOptions, columns: SplitColumns) -> tuple[Index, Index, Index]:
    shares = (0.0, options.test_share)
    if options.how == "group":
        return _by_group(_needed(columns.groups, "group"), shares, options.seed)
    if options.how == "time":
        return _by_time(_needed(columns.times, "time"), shares)
    return _random(n_rows, shares, options.seed)


def _group_blocks(groups: np.ndarray, folds: int, rng: np.random.Generator) -> list[Index]:
    """Return positions by fold; the largest groups first, each to the fold with the fewest rows."""
    names, counts = np.unique(groups, return_counts=True)
    if len(names) < folds:
        raise BadInput(f"--folds {folds}: {len(names)} groups are too few for so many folds")
    order = rng.permutation(len(names))
    order = order[np.argsort(-counts[order], kind="stable")]
    loads, chosen = np.zeros(folds), np.empty(len(names), dtype=np.int64)
    for group in order:
        chosen[group] = int(np.argmin(loads))
        loads[chosen[group]] += counts[group]
    fold_of_row = chosen[np.searchsorted(names, groups)]
    return [np.flatnonzero(fold_of_row == fold) for fold in range(folds)]


def _forward(n_rows: int, folds: int) -> tuple[tuple[Index, Index], ...]:
    """Return folds that train on the past and hold out what follows."""
    if n_rows < folds + 1:
        raise BadInput(f"--folds {folds}: only {n_rows} rows, too few for so many folds")
    blocks: Sequence[Index] = np.array_split(np.arange(n_rows), folds + 1)
    return tuple((np.concatenate(blocks[:number]), blocks[number]) for number in range(1, folds + 1))
