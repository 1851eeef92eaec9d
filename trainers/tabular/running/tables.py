"""Tables that several jobs of one process read and prepare once."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar
from weakref import ref

from trainers.tabular.data.dataset import Dataset
from trainers.tabular.data.inputs import InputKind
from trainers.tabular.data.loading import Known, Loaded, Read, Source, load
from trainers.tabular.data.targets import Transform
from trainers.tabular.results.saved import Statistics
from trainers.tabular.running.preparing import Prepared, prepare, prepare_by
from trainers.tabular.running.source import digest_of

Value = TypeVar("Value")


class Tables:
    """Holds each table, and what networks learn from, as long as a job uses it.

    Equal sources of files that have not changed are one table.
    """

    def __init__(self, last: int = 0) -> None:
        """The `last` tables that were asked for are held in any case."""
        self._loaded = _Held[Loaded]()
        self._prepared = _Held[Prepared]()
        self._digests = _Held[_Digest]()
        self._last: deque[tuple[Loaded, _Digest]] = deque(maxlen=last)

    def load(self, source: Source, read: Read, known: Known | None = None) -> Loaded:
        """Return what `load` does."""
        key = (source, known, [_version(path) for path in source.files.paths])
        found = self._loaded.get(key, lambda: load(source, read, known))
        digest = self._digests.get(_Same(found.dataset), lambda: _Digest(digest_of(found.dataset)))
        self._last.append((found, digest))
        return found

    def digest(self, dataset: Dataset) -> str:
        """Return what `digest_of` does."""
        return self._digests.get(_Same(dataset), lambda: _Digest(digest_of(dataset))).value

    def prepare(
        self, dataset: Dataset, inputs: InputKind, transforms: Sequence[Transform], fold: int | None
    ) -> Prepared:
        """Return what `prepare` does."""
        key = (_Same(dataset), inputs, transforms, fold)
        return self._prepared.get(key, lambda: prepare(dataset, inputs, transforms, fold))

    def prepare_by(self, dataset: Dataset, statistics: Sequence[Statistics], fold: int | None) -> Prepared:
        """Return what `prepare_by` does."""
        key = (_Same(dataset), [one.to_json() for one in statistics], fold)
        return self._prepared.get(key, lambda: prepare_by(dataset, statistics, fold))


class _Digest:
    """A text that can be held weakly."""

    def __init__(self, value: str) -> None:
        self.value = value


class _Same:
    """Equal to what stands for the same object, while that lives."""

    def __init__(self, thing: object) -> None:
        self.thing = ref(thing)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.thing() is other.thing() is not None

    __hash__ = object.__hash__


class _Held(Generic[Value]):
    """Values that somebody uses, by keys that can only be compared; one thread at a time makes one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: list[tuple[Any, ref[Value]]] = []

    def get(self, key: object, make: Callable[[], Value]) -> Value:
        """Return the value of a key, made now where nobody has it."""
        with self._lock:
            self._entries = [entry for entry in self._entries if entry[1]() is not None]
            for known, held in self._entries:
                value = held()
                if value is not None and known == key:
                    return value
            made = make()
            self._entries.append((key, ref(made)))
            return made


def _version(path: Path) -> tuple[int, int]:
    facts = path.stat()
    return facts.st_size, facts.st_mtime_ns
