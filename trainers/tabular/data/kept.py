"""Columns of large files, kept as arrays between trainings: text and ROOT are then read once."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trainers.common.prepared_cache import Entry, PreparedCache, key_of
from trainers.tabular.data.reading.files import Files, Table

LEAST_BYTES = 16 << 20
"""Of all files together: what is smaller is read as fast as it is found."""
FORM = 2
"""Raised when other columns are read from the same files."""


class KeptTables:
    """Reads tables by way of the cache of prepared inputs."""

    def __init__(self, cache: PreparedCache, say: Callable[[str], None]) -> None:
        """`say` gets a line where something was found, or could not be kept."""
        self._cache, self._say = cache, say

    def read(self, files: Files, wanted: Sequence[str]) -> Table:
        """Return these columns, as `Files.read` does."""
        if sum(path.stat().st_size for path in files.paths) < LEAST_BYTES:
            return files.read(wanted)
        key = self._key(files, wanted)
        entry = self._cache.find(key)
        if entry is not None:
            try:
                found = _read(entry)
            except (OSError, ValueError, KeyError):
                self._cache.drop(key)
            else:
                self._say(f"columns as they were read before ({entry.folder})")
                return found
        table = files.read(wanted)
        self._keep(key, table)
        return table

    def _key(self, files: Files, wanted: Sequence[str]) -> str:
        content = [(path.stem, self._cache.content(path)) for path in files.paths]
        texts = [name for name in wanted if name in files.texts]
        facts = {"files": content, "tree": files.tree, "columns": [*wanted], "texts": texts, "form": FORM}
        return key_of("table", facts)

    def _keep(self, key: str, table: Table) -> None:
        size = sum(len(values) * 8 for values in table.values())
        if not self._cache.has_room(size):
            self._say(f"columns are not kept: no room for {size >> 20} MiB")
            return
        try:
            self._cache.add(key, size, lambda folder: _written(folder, table))
        except OSError as error:
            self._say(f"columns are not kept: {error}")


def _written(folder: Path, table: Table) -> Mapping[str, Any]:
    """Write each column as a file: numbers as they are, texts as numbers of a list of texts."""
    for place, values in enumerate(table.values()):
        if values.dtype.kind == "O":
            known = sorted({text for text in values if text is not None})
            number = {text: at for at, text in enumerate(known)}
            values = np.array([-1 if text is None else number[text] for text in values], dtype=np.int32)
            (folder / f"{place}.json").write_text(json.dumps(known), encoding="utf-8")
        np.save(folder / f"{place}.npy", values, allow_pickle=False)
    return {"columns": [*table]}


def _read(entry: Entry) -> dict[str, np.ndarray]:
    return {name: _column(entry, place) for place, name in enumerate(entry.facts["columns"])}


def _column(entry: Entry, place: int) -> np.ndarray:
    values = np.load(entry.file(f"{place}.npy"), allow_pickle=False)
    if values.dtype.kind == "f":
        return np.asarray(values)
    known = [*json.loads(entry.file(f"{place}.json").read_text(encoding="utf-8")), None]
    return np.array(known, dtype=object)[values]


def reader(cache: PreparedCache | None, why: str, say: Callable[[str], None]) -> Callable[..., Table]:
    """Return what reads tables: by way of the cache, or without where there is none (`why` is then told)."""
    if cache is None:
        if why:
            say(f"columns are not kept: {why}")
        return Files.read
    return KeptTables(cache, say).read
