"""What a preloaded process must be like to serve a job."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, FrozenSet, Tuple

from worker_agent.executors.base import Invocation
from worker_agent.executors.helpers import shared
from worker_agent.executors.imports import Import, Needs, NotPythonError, needs_of, program_of

Recipe = Tuple[str, Tuple[Import, ...], FrozenSet[Tuple[str, str]]]
"""Interpreter, imports, and the environment but for what differs from job to job."""


class Recipes:
    """The recipes of the jobs of one agent: each program is read once."""

    def __init__(self) -> None:
        self._known: Dict[Tuple[Any, ...], Needs] = {}

    def of(self, invocation: Invocation) -> Recipe:
        """Return the recipe of a job.  Raises NotPythonError where there can be none."""
        try:
            needs = self._needs(invocation)
            return invocation.argv[0], needs.imports, frozenset(needs.apply(shared(invocation.env)).items())
        except OSError as error:
            raise NotPythonError(f"{error.filename} cannot be read: {error.strerror}") from error

    def _needs(self, invocation: Invocation) -> Needs:
        """Read the program, once for each state of its file."""
        program = program_of(invocation.argv, Path(invocation.cwd))
        about: Tuple[Any, ...] = (str(program.root), program.package, program.source)
        if program.path is not None:
            about = (str(program.path), program.package, program.path.stat().st_mtime_ns)
        if about not in self._known:
            self._known[about] = needs_of(program)
        return self._known[about]
