"""The code that jobs run, as it is remembered: what it is known by, and the digests of its files.  Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from master.core.planning.identity import tagged_hash
from master.specs import EMPTY

_KEYS = ("identity", "entry", "files", "others")


@dataclass(frozen=True)
class CodeRecord:
    """The files of a snapshot, by path, with their sha256."""

    identity: str
    """Part of the identity of base models, unless the jobs file pins one."""
    entry: str = ""
    """What is started; empty for a trainer that ships with Twophase."""
    files: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    """What makes up the program."""
    others: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    """What else travels with it."""

    def as_json(self) -> dict[str, Any]:
        """Return the record as JSON values."""
        digests = {"files": dict(self.files), "others": dict(self.others)}
        return {"identity": self.identity, "entry": self.entry, **digests}

    @classmethod
    def from_json(cls, value: object) -> CodeRecord | None:
        """Return the record that JSON values hold; None where they are none of this version's."""
        if not isinstance(value, Mapping) or not value.keys() >= set(_KEYS):
            return None
        identity, entry, files, others = (value[key] for key in _KEYS)
        whole = all(_is_digests(item) for item in (files, others))
        if not (whole and isinstance(identity, str) and isinstance(entry, str)):
            return None
        return cls(identity, entry, dict(files), dict(others))


def _is_digests(value: object) -> bool:
    return isinstance(value, Mapping) and all(isinstance(item, str) for it in value.items() for item in it)


def identity_of(entry: str, files: Mapping[str, str]) -> str:
    """Return what stands for a program in the identity of base models.

    For a script that is all of its program that is the digest of its bytes, whatever it is called.
    """
    if files.keys() == {entry}:
        return f"script:{files[entry]}"
    rows = sorted([_as_text(path), sha256] for path, sha256 in _seen_from(entry, files).items())
    return f"code:{tagged_hash('code', {'entry': _as_text(posixpath.basename(entry)), 'files': rows})}"


def _as_text(path: str) -> str:
    """Return a path as text that has a canonical form, whatever bytes are in its name."""
    return path.encode("utf-8", "backslashreplace").decode()


def _seen_from(entry: str, files: Mapping[str, str]) -> dict[str, str]:
    """Return files by their way from the folder of `entry`: where the project begins does not matter."""
    folder = posixpath.dirname(entry) or "."
    return {posixpath.relpath(path, folder): sha256 for path, sha256 in files.items()}


@dataclass(frozen=True)
class CodeChanges:
    """How code differs from what it was."""

    program: tuple[str, ...] = ()
    """Files that make up the program: `helper.py`, `model.py (new)`, `old.py (gone)`."""
    others: tuple[str, ...] = ()
    """Other files that travel with it."""

    def __bool__(self) -> bool:
        return bool(self.program or self.others)


def changes(before: CodeRecord, after: CodeRecord) -> CodeChanges:
    """Return how code differs from what it was: a file that has become part of the program is one of it."""
    old = {**_seen_from(before.entry, before.others), **_seen_from(before.entry, before.files)}
    new = {**_seen_from(after.entry, after.others), **_seen_from(after.entry, after.files)}
    differ = {path for path in old.keys() | new.keys() if old.get(path) != new.get(path)}
    program = {*_seen_from(before.entry, before.files), *_seen_from(after.entry, after.files)}
    entry = after.entry or before.entry

    def told(paths: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted(_told(path, entry, old, new) for path in paths))

    return CodeChanges(told(differ & program), told(differ - program))


def _told(path: str, entry: str, old: Mapping[str, str], new: Mapping[str, str]) -> str:
    name = posixpath.normpath(posixpath.join(posixpath.dirname(entry), path))
    return f"{name} (new)" if path not in old else f"{name} (gone)" if path not in new else name


MOST_NAMED = 5


def listed(names: Collection[str]) -> str:
    """Return names as the user is told of them, the first few of many."""
    shown = sorted(names)[:MOST_NAMED]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if more else "")
