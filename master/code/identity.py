"""What identifies the training code: part of every base model's identity, read without importing the code."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from pathlib import Path

from master.code.script_flags import flags_of
from master.core.nearest import unknown
from master.errors import ConfigError, UsageError

DEFAULT_TRAINER = "personalization"
_VERSION = "CODE_VERSION"


def code_identity(script_path: Path | None = None, trainer: str | None = None) -> str:
    """Return `script:<sha256 of the script>`, or `trainer:<name>:<version>` of a built-in trainer.

    Without either it is the default trainer's.  Raises ConfigError for a script that cannot be read and
    UsageError for an unknown trainer, or for both a script and a trainer.
    """
    if script_path is None:
        name = trainer or DEFAULT_TRAINER
        return f"trainer:{name}:{_version(trainer_folder(name) / '__init__.py')}"
    if trainer is not None:
        raise UsageError("give a script or a built-in trainer, not both")
    return f"script:{hashlib.sha256(_script_bytes(script_path)).hexdigest()}"


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


def _script_bytes(script: Path) -> bytes:
    try:
        return script.expanduser().read_bytes()
    except FileNotFoundError as error:
        raise ConfigError(str(script), "", "there is no such script") from error
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(str(script), "", f"the script cannot be read: {reason}") from error
