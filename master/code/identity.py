"""What identifies the training code: part of every base model's identity, read without importing the code."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from master.code.code_record import CodeRecord, identity_of
from master.code.import_closure import closure_of
from master.code.script_flags import flags_of
from master.code.sources import CodeRequest, Sources, find_sources, unreadable
from master.core.nearest import unknown
from master.errors import ConfigError, UsageError
from worker_agent.protocol.digests import digest_file

DEFAULT_TRAINER = "personalization"
_VERSION = "CODE_VERSION"
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
    name = name or DEFAULT_TRAINER
    return f"trainer:{name}:{_version(trainer_folder(name) / '__init__.py')}"


def record_of(
    sources: Sources, trainer: str | None = None, known: Mapping[str, str] | None = None
) -> CodeRecord:
    """Return what is remembered of the code of a script, or of a trainer.  Raises ConfigError.

    `known` are the digests of all files, where they have been taken already.
    """
    digests = known or {path.as_posix(): _digest(sources.root / path) for path in sources.files}
    if sources.entry is None:
        return CodeRecord(trainer_identity(trainer), "", digests)
    entry = sources.entry.as_posix()
    program = {path: digests[path] for path in sorted(_program(sources, entry))}
    others = {path: sha256 for path, sha256 in sorted(digests.items()) if path not in program}
    return CodeRecord(identity_of(entry, program), entry, program, others)


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


def trainer_fields(trainer: str | None = None) -> frozenset[str]:
    """Return the flags that a built-in trainer declares anywhere in its package."""
    modules = sorted(trainer_folder(trainer or DEFAULT_TRAINER).glob("*.py"))
    return frozenset().union(*(flags_of(module.read_text(encoding="utf-8")) for module in modules))


def trainer_folder(name: str) -> Path:
    """Return the folder of a built-in trainer.  Raises UsageError naming the known ones."""
    known = {init.parent.name: init.parent for root in _roots() for init in root.glob("*/__init__.py")}
    trainers = {name: folder for name, folder in known.items() if _version(folder / "__init__.py")}
    if name not in trainers:
        raise UsageError(f"--trainer: {unknown(name, trainers)}")
    return trainers[name]


def has_thread_main(trainer: str) -> bool:
    """Return whether a built-in trainer can run many jobs in one process.  Raises UsageError."""
    return (trainer_folder(trainer) / "thread_main.py").is_file()


def _roots() -> list[Path]:
    spec = importlib.util.find_spec("trainers")
    return [Path(folder) for folder in (spec.submodule_search_locations or [])] if spec else []


def _version(module: Path) -> str | None:
    for node in ast.parse(module.read_text(encoding="utf-8")).body:
        names = [target.id for target in getattr(node, "targets", []) if isinstance(target, ast.Name)]
        if isinstance(node, ast.Assign) and _VERSION in names and isinstance(node.value, ast.Constant):
            return str(node.value.value)
    return None


def _check_readable(script: Path) -> None:
    try:
        with script.expanduser().open("rb"):
            pass
    except FileNotFoundError as error:
        raise ConfigError(str(script), "", "there is no such script") from error
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(str(script), "", f"the script cannot be read: {reason}") from error
