"""Virtual HDF5 datasets: put together from others when read, zeros wherever a source is not found."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from trainers.common.errors import BadInput

Check = Callable[[Path, h5py.Dataset, str], None]


def check_sources(path: Path, data: h5py.Dataset, name: str, check: Check) -> None:
    """Raise BadInput unless every row of a virtual dataset has a source that is there and whole.

    `check`: what each source has to pass.
    """
    covered = np.zeros(data.shape[0], bool)
    for source in data.virtual_sources():
        covered[_rows(path, data, name, source)] = True
        _check_source(path, data, name, source, check)
    if not covered.all():
        raise BadInput(
            f"{path}: {name} is a virtual dataset without a source for {int((~covered).sum())} of its rows, "
            f"the first is {int(np.argmin(covered))}; they would be read as zeros"
        )


def _rows(path: Path, data: h5py.Dataset, name: str, source: Any) -> slice:
    """Return the rows that a source fills: whole ones, in one piece, else nobody can say what is missing."""
    space = source.vspace
    first, last = space.get_select_bounds()
    sizes = [end - start + 1 for start, end in zip(first, last, strict=True)]
    if space.get_select_npoints() != prod(sizes) or sizes[1:] != list(data.shape[1:]):
        raise BadInput(
            f"{path}: {name} is a virtual dataset that takes parts of rows from {source.file_name}, which "
            "is not read; copy it with h5repack"
        )
    return slice(first[0], last[0] + 1)


def _check_source(path: Path, data: h5py.Dataset, name: str, source: Any, check: Check) -> None:
    where = f"{path}: {name} is a virtual dataset whose source {source.dset_name} in {source.file_name}"
    if source.file_name == ".":
        _check_in(data.file, path, source, where, check)
        return
    found = next((place for place in _places(path, source.file_name) if place.is_file()), None)
    if found is None:
        raise BadInput(f"{where} is gone; it would be read as zeros: put the file back beside this one")
    try:
        with h5py.File(found, "r") as file:
            _check_in(file, found, source, where, check)
    except OSError as error:
        raise BadInput(f"{where} cannot be opened ({error})") from error


def _places(path: Path, name: str) -> list[Path]:
    """Return where HDF5 looks for a source, in its order."""
    return [path.resolve().parent / name, Path(name)]


def _check_in(file: h5py.File, place: Path, source: Any, where: str, check: Check) -> None:
    found = file.get(source.dset_name)
    if not isinstance(found, h5py.Dataset):
        raise BadInput(f"{where} is not in that file; it would be read as zeros")
    if found.file.filename != file.filename:
        raise BadInput(f"{where} is itself a link to {found.file.filename}, which is not read")
    if not _reaches(found, source):
        raise BadInput(f"{where} has shape {found.shape} and is asked for more; the rest would be zeros")
    check(place, found, source.dset_name)


def _reaches(found: h5py.Dataset, source: Any) -> bool:
    """Tell whether a source has all that is taken from it."""
    space = source.src_space
    if space.get_select_type() == h5py.h5s.SEL_ALL:  # its extent is not stored then
        enough: bool = found.size == source.vspace.get_select_npoints()
        return enough
    _, last = space.get_select_bounds()
    return len(last) == found.ndim and all(end < size for end, size in zip(last, found.shape, strict=True))
