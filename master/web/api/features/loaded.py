"""Which finished trainings are loaded: one a layer, kept over restarts; their tables are read once."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from master.storage.json_files import read_json
from master.web.api.features.tables import FeatureTable
from worker_agent.protocol.whole_files import write_whole

MOST_TABLES = 8
"""That are held in memory; each has some 20 MB for 16,384 features."""


@dataclass
class Counts:
    """How often a table was held already."""

    hits: int = 0
    misses: int = 0


class Loaded:
    """Any thread may use it."""

    def __init__(self, file: Path, read: Callable[[str, int], FeatureTable]) -> None:
        """`read` reads the table of a training, given its id and its layer; it raises Wrong."""
        self._file, self._read = file, read
        self._lock = Lock()
        self._by_layer = _kept(file)
        self._tables: dict[tuple[str, int], FeatureTable] = {}
        self.counts = Counts()

    @property
    def by_layer(self) -> Mapping[int, str]:
        """Return the ids of the trainings that are loaded, by their layers."""
        return self._by_layer

    def load(self, job_id: str, layer: int) -> FeatureTable:
        """Load a training in the place of another one of its layer.  Raises Wrong."""
        table = self._table(job_id, layer)
        with self._lock:
            by_layer = {**self._by_layer, layer: job_id}
            write_whole(self._file, json.dumps({str(each): by_layer[each] for each in by_layer}).encode())
            self._by_layer = by_layer
        return table

    def tables(self) -> list[FeatureTable]:
        """Return the tables of all that are loaded, by their layers.  Raises Wrong."""
        return [self._table(job_id, layer) for layer, job_id in sorted(self._by_layer.items())]

    def _table(self, job_id: str, layer: int) -> FeatureTable:
        key = job_id, layer
        with self._lock:
            found = self._tables.pop(key, None)
            if found:
                self.counts.hits += 1
            else:
                self.counts.misses += 1
                found = self._read(job_id, layer)
            self._tables[key] = found
            if len(self._tables) > MOST_TABLES:
                del self._tables[next(iter(self._tables))]
        return found

    def held(self) -> int:
        """Return how many tables are held in memory."""
        return len(self._tables)

    def clear(self) -> None:
        """Hold no table any more and forget the counts; what is loaded is read again when it is asked for."""
        with self._lock:
            self._tables.clear()
            self.counts = Counts()


def _kept(file: Path) -> dict[int, str]:
    try:
        found: Any = read_json(file)
        return {int(layer): str(job_id) for layer, job_id in found.items()}
    except (OSError, ValueError, AttributeError):
        return {}
