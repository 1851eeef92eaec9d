"""The base models on the head node: `experiments/base_models/<spec_hash>/`, each with its manifest."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from master.errors import IntegrityError
from master.storage.json_files import read_json
from master.storage.run_layout import RunLayout
from worker_agent.protocol.digests import (
    MANIFEST,
    FileDigest,
    content_hash,
    digest_directory,
    publish,
    without_manifest,
)
from worker_agent.protocol.outcome import BaseModelLeft
from worker_agent.protocol.renaming import rename
from worker_agent.protocol.whole_files import write_whole

MANIFEST_FORMAT = 2
"""Since 2 a manifest says what a base model started from, its family, what it reached and on what machine."""
_PINNED = "pinned"


def make_manifest(
    spec_hash: str, config: Mapping[str, Any], made: BaseModelLeft, **facts: Any
) -> dict[str, Any]:
    """Return the manifest of a base model; `made` is the agent's account of it."""
    return {
        "format": MANIFEST_FORMAT,
        "spec_hash": spec_hash,
        "content_hash": made.content_hash,
        "name": made.name,
        "files": [list(file) for file in made.files],
        "config": dict(config),
        **facts,
    }


def _text(manifest: Mapping[str, Any]) -> str:
    return json.dumps(manifest, indent=2, sort_keys=True) + "\n"


def is_directory_name(name: object) -> bool:
    """Tell whether `name`, under which a script looks for a base model, is one directory's name, or None."""
    return name is None or (
        isinstance(name, str) and name not in ("", ".", "..") and not {"/", "\0"}.intersection(name)
    )


class BaseModelStore:
    """Reads, verifies and fills the store of one run directory."""

    def __init__(self, layout: RunLayout) -> None:
        self._layout = layout

    def path(self, spec_hash: str) -> Path:
        return self._layout.base_model(spec_hash)

    def manifest(self, spec_hash: str) -> dict[str, Any]:
        """Return a manifest.  Raises IntegrityError where it is missing, unreadable or of something else."""
        path = self.path(spec_hash) / MANIFEST
        try:
            manifest = read_json(path)
            files = [FileDigest.from_row(row) for row in manifest["files"]]
            if manifest["spec_hash"] != spec_hash or content_hash(files) != manifest["content_hash"]:
                raise ValueError("it describes something else")
            if not is_directory_name(manifest.get("name")):
                raise ValueError(f"its name {manifest['name']!r} is not a directory's")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise IntegrityError(f"{path}: not a valid manifest: {error}") from error
        return dict(manifest)

    def verify(self, spec_hash: str) -> dict[str, Any]:
        """Return the manifest of a base model whose every file has been checked.  Raises IntegrityError."""
        manifest = self.manifest(spec_hash)
        found = without_manifest(digest_directory(self.path(spec_hash)))
        if content_hash(found) != manifest["content_hash"]:
            expected = {FileDigest.from_row(row) for row in manifest["files"]}
            wrong = sorted({item.path for item in expected ^ set(found)})
            raise IntegrityError(f"{self.path(spec_hash)}: {', '.join(wrong)} not as in the manifest")
        return manifest

    def scan(self, spec_hashes: Iterable[str]) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
        """Return the manifests of the base models that are whole, and what is wrong with the others."""
        return self._read(spec_hashes, self.verify)

    def _read(
        self, spec_hashes: Iterable[str], read: Callable[[str], dict[str, Any]]
    ) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
        whole, damaged = {}, {}
        for spec_hash in spec_hashes:
            if self._holds(spec_hash):
                try:
                    whole[spec_hash] = read(spec_hash)
                except IntegrityError as error:
                    damaged[spec_hash] = str(error)
        return whole, damaged

    def look(self, spec_hashes: Iterable[str]) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
        """Return the manifests of base models, and what is wrong with those of others; no file is hashed."""
        return self._read(spec_hashes, self.manifest)

    def manifests(self) -> Iterator[dict[str, Any]]:
        """Yield the manifests of all base models that are here and have a readable one."""
        for path in sorted(self._layout.base_models.glob(f"*/{MANIFEST}")):
            if path.parent.is_symlink():  # a script's name for one of the others
                continue
            with suppress(IntegrityError):
                yield self.manifest(path.parent.name)

    def set_aside(self, spec_hash: str) -> Path:
        """Move a damaged base model out of the store and return where it lies now."""
        target = self._layout.set_aside(f"{spec_hash}-{time.time_ns()}")
        target.parent.mkdir(parents=True, exist_ok=True)
        rename(self.path(spec_hash), target)
        return target

    def pin(self, spec_hash: str, pinned: Mapping[str, Any] | None) -> None:
        """Write into a manifest who wants it kept, None for nobody.  Raises IntegrityError as `manifest`."""
        manifest = {**self.manifest(spec_hash), _PINNED: pinned}
        if pinned is None:
            del manifest[_PINNED]
        write_whole(self.path(spec_hash) / MANIFEST, _text(manifest).encode())

    def delete(self, spec_hash: str) -> None:
        """Delete a base model and the names that scripts gave it; from the first moment it is not here."""
        for link in self._layout.base_models.iterdir():
            if link.is_symlink() and link.readlink() == Path(spec_hash):
                link.unlink()
        shutil.rmtree(self.set_aside(spec_hash))

    def add(self, staged: Path, manifest: Mapping[str, Any]) -> None:
        """Take in a directory that has been verified.  One that is here already and whole is kept."""
        spec_hash = manifest["spec_hash"]
        (staged / MANIFEST).unlink(missing_ok=True)
        with (staged / MANIFEST).open("x", encoding="utf-8") as stream:  # a link is not written through
            stream.write(_text(self._with_pin(manifest)))
        if self.path(spec_hash).is_symlink():  # a script's name for another one
            self.path(spec_hash).unlink()
        if self._holds(spec_hash):
            try:
                if self.verify(spec_hash)["content_hash"] == manifest["content_hash"]:
                    self._link(manifest.get("name"), spec_hash)
                    return
            except IntegrityError:
                pass
            self.set_aside(spec_hash)
        publish(staged, self.path(spec_hash))
        self._link(manifest.get("name"), spec_hash)

    def _with_pin(self, manifest: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a manifest with the pin of what lies in its place."""
        try:
            before = self.manifest(manifest["spec_hash"])
        except IntegrityError:
            return manifest
        return {**manifest, _PINNED: before[_PINNED]} if _PINNED in before else manifest

    def _holds(self, spec_hash: str) -> bool:
        return self.path(spec_hash).exists() and not self.path(spec_hash).is_symlink()

    def _link(self, name: str | None, spec_hash: str) -> None:
        """Let the base model be found under the name that the script gave it; the newest of a name wins."""
        # A worker says the name: links are never read as base models, and hidden names are ours.
        if name is None or not name.isprintable() or name.startswith("."):
            return
        link, fresh = self._layout.base_models / name, self._layout.base_models / f".{spec_hash}.name"
        with suppress(OSError):  # some file systems have no links; nothing depends on this one
            if link.is_symlink() or not link.exists():
                fresh.unlink(missing_ok=True)
                fresh.symlink_to(spec_hash)
                fresh.replace(link)
