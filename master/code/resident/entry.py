"""Whether a script offers to be called for one job after the other in one process: read, never run."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from pathlib import Path

from worker_agent.protocol.script_contract import SCRIPT_MAIN


def offers_resident(script: Path) -> bool:
    """Return whether a script has a function `twophase_main` at its top, or imports one.

    What does not parse here offers nothing: others say what is wrong with it.
    """
    if script.suffix != ".py":
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(script.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return SCRIPT_MAIN in _names(tree.body)


def _names(body: list[ast.stmt]) -> Iterator[str]:
    """Yield what statements at the top of a module give a name."""
    for statement in body:
        if isinstance(statement, ast.FunctionDef):
            yield statement.name
        elif isinstance(statement, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in statement.names)
        elif isinstance(statement, ast.Assign):
            yield from (target.id for target in statement.targets if isinstance(target, ast.Name))
