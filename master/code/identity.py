"""What identifies the training code: part of every base model's identity, read without importing the code."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from master.code.code_record import CodeRecord, identity_of
from master.code.import_closure import closure_of
from master.code.sources import CodeRequest, Sources, find_sources, unreadable
from master.code.trainer_manifest import find_trainer_manifest
from master.errors import ConfigError, UsageError
from worker_agent.protocol.digests import digest_file

_DOCUMENTS = frozenset({".md", ".markdown", ".rst", ".adoc", ".pdf"})
_DOCUMENT_NAMES = frozenset(
    {"readme", "license", "licence", "copying", "notice", "changelog", "authors", "contributing"}
    | {".gitignore", ".gitattributes", ".editorconfig"}
)


def code_identity(request: CodeRequest | None = None, trainer: str | None = None) -> str:
    """Return what stands for a script's code, or a trainer's, in the identity of base models.

    Without either it is the default trainer's.  Raises ConfigError for code that cannot be read and
    UsageError for an unknown trainer, or for both a script and a trainer.
    """
    if request is None or (request.script is None and request.module is None):
        return trainer_identity(trainer)
    if trainer is not None:
        raise UsageError("give a script or a built-in trainer, not both")
    if request.script is not None:
        _check_readable(request.script)
    return record_of(find_sources(request)).identity


def trainer_identity(name: str | None = None) -> str:
    """Return `trainer:<name>:<version>` of a built-in trainer, by default the default one's."""
    return find_trainer_manifest(name).identity


def record_of(
    sources: Sources, trainer: str | None = None, known: Mapping[str, str] | None = None
) -> CodeRecord:
    """Return what is remembered of the code of a script, or of a trainer.  Raises ConfigError.

    `known` are the digests of all files, where they have been taken already.
    """
    digests = known or {
        **{path.as_posix(): _digest(sources.root / path) for path in sources.files},
        **_made(sources),
    }
    if sources.entry is None:
        return CodeRecord(trainer_identity(trainer), "", digests)
    entry = sources.entry.as_posix()
    program = {path: digests[path] for path in sorted(_program(sources, entry))}
    others = {path: sha256 for path, sha256 in sorted(digests.items()) if path not in program}
    return CodeRecord(identity_of(entry, program), entry, program, others)


def _made(sources: Sources) -> dict[str, str]:
    """Return the digests of the files that are not found but made."""
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in sources.made.items()}


def _program(sources: Sources, entry: str) -> Iterable[str]:
    """Return the files that decide what a program does."""
    names = [path.as_posix() for path in sources.files]
    if sources.entry is not None and sources.entry.suffix == ".py":
        return closure_of(entry, names, lambda name: _text(sources.root / name)).files
    return {entry, *(name for name in names if name not in sources.named and not _is_document(name))}


def _is_document(name: str) -> bool:
    path = PurePosixPath(name.lower())
    named = path.stem in _DOCUMENT_NAMES and path.suffix in ("", ".txt")
    return named or path.suffix in _DOCUMENTS


def _digest(path: Path) -> str:
    try:
        return digest_file(path)[1]
    except OSError as error:
        raise unreadable(path, error) from error


def _text(path: Path) -> str:
    """Return a Python file's text.  Raises SyntaxError, ValueError, ConfigError."""
    try:
        return importlib.util.decode_source(path.read_bytes())
    except OSError as error:
        raise unreadable(path, error) from error


def _check_readable(script: Path) -> None:
    try:
        with script.expanduser().open("rb"):
            pass
    except FileNotFoundError as error:
        raise ConfigError(str(script), "", "there is no such script") from error
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(str(script), "", f"the script cannot be read: {reason}") from error
