"""Which activations a training is about: a file below a root of the server, or data that workers have."""

from __future__ import annotations

import os
import re
import shutil
import stat
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from threading import Lock

from master.storage.run_layout import RunLayout, inputs_of
from master.web.api.errors import Wrong
from worker_agent.protocol.digests import content_hash, digest_directory

FOLDER = "activation_data"
"""In a job's working directory, what holds the file that came with it."""
_COMING = ".coming-"
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,16}")


@dataclass(frozen=True)
class Activations:
    """What a job is given."""

    path: str
    """Where it finds them."""
    inputs: Mapping[str, str] = field(default_factory=dict)
    """The content that travels to it, by the name of the folder."""


class ActivationFiles:
    """Looks files up below the roots and makes them ready to travel.  Any thread may use it."""

    def __init__(self, layout: RunLayout, roots: Sequence[Path]) -> None:
        self._layout, self._roots = layout, [root.expanduser().resolve() for root in roots]
        self._lock = Lock()
        self._known: dict[tuple[str, int, int, int, int], str] = {}
        """Contents by path, file, size and times."""

    def find(self, asked: str, data_names: Sequence[str]) -> Activations:
        """Return what a training is given; `data_names` are those under which workers have data.

        Raises Wrong for what is nowhere, or not to be had.
        """
        if path := self._below_roots(asked):
            return Activations(f"{FOLDER}/{_name_of(path)}", {FOLDER: self._content(path)})
        parts = asked.split("/")
        if not asked.startswith("/") and ".." not in parts and _is_data(asked, data_names):
            return Activations(asked)
        raise Wrong(HTTPStatus.BAD_REQUEST, f"activation_data_path: {self._nowhere(asked)}")

    def _below_roots(self, asked: str) -> Path | None:
        for root in self._roots:
            try:
                # Links are followed before it is decided whether that is below the root.
                path = (root / asked).resolve()
                is_ours = path.is_relative_to(root) and path.is_file()
            except (OSError, RuntimeError, ValueError):  # too long, a ring of links, not ours, no path
                continue
            if is_ours:
                return path
        return None

    def _nowhere(self, asked: str) -> str:
        shown = repr(asked[:200])
        if not self._roots:
            return f"{shown} is no data of the workers; for a file here the server needs --data-root DIR"
        return f"no file {shown} is below a --data-root of this server, nor data of the workers"

    def _content(self, path: Path) -> str:
        """Return the content hash of a file, which then lies ready in the run's state."""
        with self._lock:
            try:
                known = self._known.get(_key(path))
                if known is None or not inputs_of(self._layout, known).is_dir():
                    known = self._kept(path)
                    # Only now: a second name of a file is a change of its times.
                    self._known[_key(path)] = known
            except OSError as error:
                problem = f"activation_data_path: {path.name!r} cannot be read: {error.strerror or error}"
                raise Wrong(HTTPStatus.BAD_REQUEST, problem) from error
            return known

    def _kept(self, path: Path) -> str:
        coming = inputs_of(self._layout, f"{_COMING}{uuid.uuid4().hex}")
        coming.mkdir(mode=0o700, parents=True)
        try:
            _link_or_copy(path, coming / _name_of(path))
            found = content_hash(digest_directory(coming))
            kept = inputs_of(self._layout, found)
            if kept.is_dir() and content_hash(digest_directory(kept)) != found:
                shutil.rmtree(kept)  # somebody wrote into the file of which it is a second name
            if not kept.is_dir():
                coming.rename(kept)
            return found
        finally:
            shutil.rmtree(coming, ignore_errors=True)


def _name_of(path: Path) -> str:
    """Return what a file is called where it travels: its ending says how it is read."""
    return f"activations{path.suffix if _ENDING.fullmatch(path.suffix) else ''}"


def _is_data(asked: str, names: Sequence[str]) -> bool:
    return any(asked == name or asked.startswith(f"{name}/") for name in names)


def _key(path: Path) -> tuple[str, int, int, int, int]:
    found = path.stat()
    return str(path), found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _link_or_copy(source: Path, target: Path) -> None:
    """Have a file a second time: without its bytes where the file system can.  Raises OSError."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copyfile(source, target, follow_symlinks=False)
    if not stat.S_ISREG(target.lstat().st_mode):  # it was replaced meanwhile
        raise OSError("it is no regular file")
