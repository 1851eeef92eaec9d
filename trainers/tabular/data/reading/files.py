"""Many files as one table: patterns, formats by their endings, columns one file under the other."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trainers.common.damaged import reading
from trainers.common.errors import BadInput
from trainers.tabular.data.reading import arrays, delimited, parquet, root
from trainers.tabular.data.schema import FILE

Table = Mapping[str, np.ndarray]
"""Columns of equal length by name: float64 with NaN, or objects that are texts or None."""
_MODULES = {
    **dict.fromkeys((".csv", ".tsv", ".txt", ".data"), delimited),
    **dict.fromkeys((".parquet", ".pq"), parquet),
    **dict.fromkeys((".npz", ".h5", ".hdf5", ".hdf"), arrays),
}
_ROOT = ".root"
_TEXT = "text in columns"
DECIMAL_COMMA = re.compile(r"-?\d+,\d+")


@dataclass(frozen=True)
class Files:
    """Files of one table, in the order of their rows."""

    paths: tuple[Path, ...]
    tree: str | None = None
    """In ROOT files: the name of the TTree or RNTuple; none: the only one."""
    texts: tuple[str, ...] = ()
    """Columns that are names: in text files read as they are written, 007 too."""

    def names(self) -> list[str]:
        """Return the columns that every file has; BadInput where files have different ones."""
        first = self._names(self.paths[0])
        for path in self.paths[1:]:
            here = self._names(path)
            different = sorted({*first} ^ {*here})
            if different:
                raise BadInput(f"{path}: has other columns than {self.paths[0]}: {', '.join(different[:6])}")
        return first

    def read(self, wanted: Sequence[str]) -> dict[str, np.ndarray]:
        """Return these columns of all files; `@file` is the name of each row's file."""
        plain = [name for name in wanted if name != FILE]
        texts = [name for name in plain if name in self.texts]
        blocks = [self._columns(path, plain, texts) for path in self.paths]
        mixed = [name for name in plain if len({block[name].dtype.kind for block in blocks}) > 1]
        if mixed:  # numbers in one file, texts in another
            blocks = [
                {**block, **self._columns(path, mixed, mixed)}
                for path, block in zip(self.paths, blocks, strict=True)
            ]
        found = {name: _joined([block[name] for block in blocks]) for name in plain}
        if FILE in wanted:
            rows = [(path.stem, len(block[plain[0]])) for path, block in zip(self.paths, blocks, strict=True)]
            found[FILE] = np.array([stem for stem, count in rows for _ in range(count)], dtype=object)
        return found

    def _names(self, path: Path) -> list[str]:
        with reading(path, _kind(path)):
            return self._names_in(path)

    def _columns(self, path: Path, wanted: Sequence[str], texts: Sequence[str]) -> dict[str, np.ndarray]:
        with reading(path, _kind(path)):
            return self._columns_in(path, wanted, texts)

    def _names_in(self, path: Path) -> list[str]:
        if path.suffix.lower() == _ROOT:
            return root.names(path, self.tree)
        return _module(path).names(path)

    def _columns_in(self, path: Path, wanted: Sequence[str], texts: Sequence[str]) -> dict[str, np.ndarray]:
        if path.suffix.lower() == _ROOT:
            return root.columns(path, wanted, self.tree)
        module = _module(path)
        return module.columns(path, wanted, texts) if module is delimited else module.columns(path, wanted)


def find_files(
    patterns: Sequence[str],
    tree: str | None = None,
    limit: int | None = None,
    flag: str = "--data ",
    root: Path = Path(),
) -> Files:
    """Return the files that names and patterns mean below `root`, sorted, the first `limit` of them.

    `flag` comes before a pattern in messages.  Raises BadInput where a pattern means none, and for a file of
    a format that is not known.
    """
    found: list[Path] = []
    for pattern in patterns:
        here = _matching(root, Path(pattern).expanduser())
        if not here:
            raise BadInput(f"{flag}{pattern}: no such file")
        found += here
    paths = tuple(dict.fromkeys(found))[:limit]
    for path in paths:
        if path.suffix.lower() != _ROOT:
            _module(path)
    return Files(paths, tree)


def _matching(root: Path, pattern: Path) -> list[Path]:
    if (root / pattern).is_file():
        return [root / pattern]
    below = root / pattern.anchor
    return sorted(path for path in below.glob(str(pattern.relative_to(pattern.anchor))) if path.is_file())


def _kind(path: Path) -> str:
    return _TEXT if _MODULES.get(path.suffix.lower()) is delimited else path.suffix.lower().removeprefix(".")


def _module(path: Path):  # type: ignore[no-untyped-def]
    try:
        return _MODULES[path.suffix.lower()]
    except KeyError:
        known = ", ".join([*_MODULES, _ROOT])
        raise BadInput(f"{path}: the format is told by the ending, which must be of {known}") from None


def _joined(parts: Sequence[np.ndarray]) -> np.ndarray:
    if len({part.dtype.kind for part in parts}) > 1:  # of a format that has types of its own
        parts = [as_texts(part) for part in parts]
    return np.concatenate(parts) if len(parts) > 1 else parts[0]


def as_texts(values: np.ndarray) -> np.ndarray:
    """Return values as texts, whole numbers without a point, None for what is missing."""
    if values.dtype.kind == "O":
        return values
    texts = [
        None if np.isnan(value) else f"{value:.0f}" if value.is_integer() else repr(value)
        for value in values.tolist()
    ]
    return np.array(texts, dtype=object)


def as_numbers(values: np.ndarray, name: str, advice: str) -> np.ndarray:
    """Return values as float64, NaN for what is missing; BadInput where a text is no number."""
    if values.dtype.kind != "O":
        return values
    numbers = np.full(len(values), np.nan)
    for row, text in enumerate(values):
        if text is not None:
            try:
                numbers[row] = float(text)
            except ValueError:
                told = "write it with a point" if DECIMAL_COMMA.fullmatch(text) else advice
                raise BadInput(f"column {name!r}: row {row + 1} is {text!r}, no number; {told}") from None
    return numbers
