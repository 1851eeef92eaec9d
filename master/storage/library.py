"""Where the directories lie that workers may ask for, by content hash."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Library:
    """The code, the data to copy and the base models that workers may ask for."""

    paths: dict[str, Path] = field(default_factory=dict)
    base_models: dict[str, str] = field(default_factory=dict)
    """Content hash → `spec_hash`."""
    names: dict[str, str] = field(default_factory=dict)
    """Content hash → directory name below `experiments/base_models/`, where the script chose one."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def hold(self, spec_hash: str, found: str, path: Path, name: str | None) -> None:
        """Take in a base model of the store."""
        with self._lock:
            self.paths[found], self.base_models[found] = path, spec_hash
            if name is not None:
                self.names[found] = name

    def hold_code(self, directories: Mapping[str, Path]) -> None:
        """Take in snapshots of code, by content hash."""
        with self._lock:
            self.paths.update(directories)

    def hold_data(self, synced: Mapping[str, str]) -> None:
        """Take in directories to copy; `synced` is the content hash of each, by path."""
        with self._lock:
            self.paths.update({found: Path(path) for path, found in synced.items()})

    def drop(self, found: str) -> str | None:
        """Forget a base model and return its `spec_hash`, None if it is not held (any more)."""
        with self._lock:
            spec_hash = self.base_models.pop(found, None)
            if spec_hash is not None:
                self.paths.pop(found, None)
            return spec_hash
