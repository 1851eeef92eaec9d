"""ROOT files: a TTree or an RNTuple of plain numbers, read in chunks by uproot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from trainers.common.errors import BadInput
from trainers.tabular.data.reading.extras import needed
from trainers.tabular.data.reading.room import check_room

CHUNK = "64 MB"
_KINDS = {"TTree": "TTree", "ROOT::RNTuple": "RNTuple"}


def names(path: Path, tree: str | None = None) -> list[str]:
    """Return the names of the branches; BadInput where the file has no such tree, with what is there."""
    with _opened(path, tree) as table:
        return [str(name) for name in table.keys()]  # noqa: SIM118 - no mapping


def columns(path: Path, wanted: Sequence[str], tree: str | None = None) -> dict[str, np.ndarray]:
    """Return these branches as float64."""
    with _opened(path, tree) as table:
        check_room(path, table.num_entries * len(wanted))
        chunks = table.iterate(list(wanted), step_size=CHUNK, library="np")
        blocks = [{name: _numbers(path, name, chunk[name]) for name in wanted} for chunk in chunks]
    empty = np.empty(0)
    return {name: np.concatenate([empty, *(block[name] for block in blocks)]) for name in wanted}


@contextmanager
def _opened(path: Path, tree: str | None) -> Iterator[Any]:
    uproot = needed("uproot", "a ROOT file")
    with uproot.open(path) as file:
        there, end = path.stat().st_size, file.file.fEND
        if there < end:
            raise BadInput(f"{path}: cannot be read as root: truncated: it ends at byte {there} of {end}")
        yield file[_name(path, file.classnames(cycle=False), tree)]


def _name(path: Path, there: dict[str, str], tree: str | None) -> str:
    """Return the name of the table to read: the one asked for, or the only one."""
    tables = [name for name, kind in there.items() if kind in _KINDS]
    if tree in tables:
        return str(tree)
    if tree is None and len(tables) == 1:
        return tables[0]
    told = ", ".join(f"{name} ({_KINDS.get(kind, kind)})" for name, kind in there.items()) or "nothing"
    if tree is not None:
        raise BadInput(f"{path}: has no TTree or RNTuple {tree!r}; there is {told}. --tree NAME chooses")
    what = "no TTree or RNTuple" if not tables else f"{len(tables)} tables"
    raise BadInput(f"{path}: has {what}; there is {told}. --tree NAME chooses")


def _numbers(path: Path, name: str, values: np.ndarray) -> np.ndarray:
    if values.ndim != 1 or values.dtype.kind not in "biuf":
        raise BadInput(f"{path}: branch {name!r} is not one number a row ({values.dtype})")
    return values.astype(np.float64)
