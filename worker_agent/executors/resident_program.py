"""What a resident process runs jobs with: a trainer's functions, or those of a user's script."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, TextIO

from worker_agent.protocol.script_contract import SCRIPT_MAIN

JobMain = Callable[[List[str], Dict[str, str], TextIO], Any]


@dataclass(frozen=True)
class Program:
    """How jobs are run."""

    main: JobMain
    """Runs one job and returns its exit code, None for 0."""
    group_main: Optional[Callable[[Sequence[Any]], None]] = None
    """Runs several at once; None where that cannot be."""


def trainer_program(module: str) -> Program:
    """Return what a trainer's module `thread_main` offers.  Raises ImportError and what its import does."""
    found = importlib.import_module(f"{module}.thread_main")
    return Program(found.thread_main, getattr(found, "group_main", None))


def script_program(path: str) -> Program:
    """Return what a user's script offers, which is run once, as a module that is not `__main__`.

    Raises ImportError where it offers nothing, and whatever it does when it is run.
    """
    sys.path.insert(0, str(Path(path).parent))
    sys.dont_write_bytecode = True  # beside what other jobs have copies of
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    entry = getattr(module, SCRIPT_MAIN, None)
    if not callable(entry):
        raise ImportError(f"{Path(path).name} has no function {SCRIPT_MAIN}(args)")
    return Program(_OneAtATime(path, entry))


class _OneAtATime:
    """A script reads the environment and `sys.argv` of its process, so its jobs take turns."""

    def __init__(self, path: str, entry: Callable[[List[str]], Any]) -> None:
        self._path, self._entry = path, entry
        self._turn = threading.Lock()

    def __call__(self, argv: List[str], environ: Mapping[str, str], output: TextIO) -> Any:
        with self._turn:
            os.environ.clear()
            os.environ.update(environ)
            sys.argv = [self._path, *argv]
            return self._entry(list(argv))
