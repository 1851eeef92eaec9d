"""What trainers have made of their input, kept between trainings: folders of files, each whole or not there.

An entry is named by a key of what went in (`key_of`); it lies in a folder of its own with `entry.json`, which
tells its files and their sizes.  It is written beside its place and renamed; what does not fit is not kept,
and what was not used for longest goes first.  Nothing here may fail a training: who cannot keep does without.

    <folder>/<key>/entry.json     and the entry's files
    <folder>/uses                 a letter for every look: h hit, m miss
    <folder>/digests/             digests of files that were read whole, by path, size and times
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import stat
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainers.common.resume import as_json

FOLDER, GIB = "TWOPHASE_PREPARED_CACHE", "TWOPHASE_PREPARED_CACHE_GIB"
"""Environment variables: where it lies (`off`: nowhere), and how large it may be."""
OFF = "off"
DEFAULT_GIB = 20.0
SPARE = 1 << 30
"""Bytes of the file system that are left alone."""
STALE_SECONDS = 86_400
"""Age from which what a killed process left half done is deleted."""
ENTRY, USES, COMING = "entry.json", "uses", ".coming-"


@dataclass(frozen=True)
class Entry:
    """One prepared input."""

    folder: Path
    facts: dict[str, Any]
    """What its maker said of it."""

    def file(self, name: str) -> Path:
        """Return the place of one of its files; another process may delete it, but not what is open."""
        return self.folder / name


@dataclass(frozen=True)
class Figures:
    """What the cache holds and how often it helped."""

    folder: str
    entries: int
    bytes: int
    limit: int
    hits: int
    misses: int

    @property
    def hit_rate(self) -> float:
        """Share of the looks that found what they looked for; 0 where nobody looked."""
        return self.hits / max(1, self.hits + self.misses)


class PreparedCache:
    """A folder of entries, shared by all trainings of a user on a machine."""

    def __init__(self, folder: Path, limit: int) -> None:
        """`limit`: bytes of all entries together.  Raises OSError where the folder is not one's own."""
        self.folder, self.limit = folder, limit
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
        if found.st_uid != os.getuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise PermissionError(f"{folder}: others may write to it; chmod go-w, or name another folder")

    def find(self, key: str) -> Entry | None:
        """Return an entry and count the look; None where there is none, or it is not whole."""
        entry = _whole_entry(self.folder / key)
        self._count("m" if entry is None else "h")
        if entry is not None:
            with contextlib.suppress(OSError):
                os.utime(entry.file(ENTRY))
        return entry

    def has_room(self, size: int) -> bool:
        """Tell whether so many bytes may be kept, once what was not used for longest has gone."""
        free = shutil.disk_usage(self.folder).free + self._bytes()
        return size <= min(self.limit, free - SPARE)

    def add(
        self, key: str, size: int, make: Callable[[Path], Mapping[str, Any]], *, durable: bool = True
    ) -> Entry:
        """Keep what `make` writes to the folder that it is given, with the facts that it returns.

        `size`: bytes that it will take; others' entries go for it.  Raises OSError where it cannot be
        written, and whatever `make` raises; then nothing is kept.  Another process's that was first counts.
        """
        self._sweep()
        self._make_room(size)
        fresh = self.folder / f"{COMING}{uuid.uuid4().hex}"
        try:
            fresh.mkdir(mode=0o700)
            _finish(fresh, make(fresh), durable=durable)
            with contextlib.suppress(FileExistsError, OSError):
                fresh.rename(self.folder / key)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
        entry = _whole_entry(self.folder / key)
        if entry is None:
            raise FileNotFoundError(f"{self.folder / key}: could not be given its name")
        return entry

    def drop(self, key: str) -> None:
        """Delete an entry that turned out to be of no use."""
        self._delete(self.folder / key)

    def clear(self) -> int:
        """Delete all entries and digests, forget the counts; return the bytes of the entries."""
        freed = self._bytes()
        for path in self._places():
            self._delete(path)
        shutil.rmtree(self.folder / "digests", ignore_errors=True)
        (self.folder / USES).unlink(missing_ok=True)
        return freed

    def figures(self) -> Figures:
        """Return what it holds and how often it helped."""
        uses = _bytes_of(self.folder / USES)
        hits, misses = uses.count(b"h"), uses.count(b"m")
        return Figures(str(self.folder), len(self._places()), self._bytes(), self.limit, hits, misses)

    def content(self, path: Path) -> str:
        """Return the sha256 of a file; read again only where its size, times or place differ."""
        found = path.stat()
        facts = [str(path.resolve()), found.st_dev, found.st_ino, found.st_size]
        name = key_of("file", {"facts": [*facts, found.st_mtime_ns, found.st_ctime_ns]})
        known = self.folder / "digests" / name
        if digest := _bytes_of(known).decode("ascii", "replace"):
            return digest
        digest = _digest(path)
        # What changed within the clock's last tick may change again without looking different.
        if time.time() - found.st_ctime > 2:
            with contextlib.suppress(OSError):
                _write(known, digest.encode())
        return digest

    def _places(self) -> list[Path]:
        return [path for path in self.folder.iterdir() if not path.name.startswith(".") and _is_key(path)]

    def _bytes(self) -> int:
        return sum(_size(path) for path in self._places())

    def _make_room(self, size: int) -> None:
        aged = sorted(self._places(), key=_last_used)
        while aged and not self._fits(size, sum(map(_size, aged))):
            self._delete(aged.pop(0))

    def _fits(self, size: int, held: int) -> bool:
        free = shutil.disk_usage(self.folder).free
        return held + size <= self.limit and size <= free - SPARE

    def _delete(self, folder: Path) -> None:
        gone = self.folder / f"{COMING}{uuid.uuid4().hex}"
        # Renamed first: nobody may find an entry that is half deleted.
        with contextlib.suppress(OSError):
            folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)

    def _sweep(self) -> None:
        for path in self.folder.glob(f"{COMING}*"):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > STALE_SECONDS:
                    shutil.rmtree(path, ignore_errors=True)

    def _count(self, letter: str) -> None:
        with contextlib.suppress(OSError), (self.folder / USES).open("a") as stream:
            stream.write(letter)


def open_cache(
    folder: str | None, environ: Mapping[str, str] = os.environ, root: Path = Path()
) -> tuple[PreparedCache | None, str]:
    """Return the cache of a folder, by default the user's, and why there is none where one was wanted.

    `folder`: a path below `root`, or `off`; None is what the environment says.
    """
    wanted = folder or environ.get(FOLDER) or str(_default(environ))
    if wanted == OFF:
        return None, ""
    try:
        gib = float(environ.get(GIB) or DEFAULT_GIB)
        return PreparedCache(root / Path(wanted).expanduser(), int(gib * (1 << 30))), ""
    except (OSError, ValueError, RuntimeError) as error:
        return None, str(error)


def key_of(what: str, facts: Mapping[str, Any]) -> str:
    """Return the name of what was made of these facts; `what` tells kinds of entries apart."""
    text = json.dumps(as_json(facts), sort_keys=True, allow_nan=False)
    return hashlib.sha256(f"prepared {what}\0{text}".encode()).hexdigest()


def _default(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("XDG_CACHE_HOME") or "~/.cache") / "twophase" / "prepared"


def _whole_entry(folder: Path) -> Entry | None:
    try:
        told = json.loads((folder / ENTRY).read_text())
        whole = all((folder / name).stat().st_size == size for name, size in told["files"].items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return Entry(folder, told["facts"]) if whole else None


def _finish(folder: Path, facts: Mapping[str, Any], *, durable: bool) -> None:
    """Write down what an entry holds; after this it is whole."""
    files = {path.name: path.stat().st_size for path in folder.iterdir()}
    told = json.dumps({"facts": as_json(facts), "files": files}, allow_nan=False)
    (folder / ENTRY).write_text(told)
    for path in folder.iterdir() if durable else ():
        with path.open("rb") as stream:
            os.fsync(stream.fileno())


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    fresh = path.with_name(f".{uuid.uuid4().hex}")
    fresh.write_bytes(content)
    fresh.replace(path)


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _is_key(path: Path) -> bool:
    return len(path.name) == hashlib.sha256().digest_size * 2


def _size(folder: Path) -> int:
    with contextlib.suppress(OSError):
        return sum(path.stat().st_size for path in folder.iterdir())
    return 0


def _last_used(folder: Path) -> float:
    with contextlib.suppress(OSError):
        return (folder / ENTRY).stat().st_mtime
    return 0.0
