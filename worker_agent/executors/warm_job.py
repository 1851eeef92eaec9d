"""A job in a fork of a preloaded process: from the command's words to the end of the interpreter."""

from __future__ import annotations

import contextlib
import gc
import importlib.machinery
import io
import os
import sys
import types
from pathlib import Path
from typing import Any, Callable, Dict, FrozenSet, List, Optional, Sequence, Tuple

preloaded: FrozenSet[str] = frozenset()
"""The modules that were there before the job; set by the parent."""
_exit_code: Optional[int] = None
_LOST_OUTPUT = 120
"""The exit code of an interpreter that could not write all of its output."""


def program(argv: Sequence[str]) -> Callable[[], None]:
    """Return what `python …` does with these words: `-c code`, `-m module` or a script, and its arguments."""
    _, first, *rest = argv
    module = types.ModuleType("__main__")
    module.__dict__["__builtins__"] = sys.modules["builtins"]
    if "__annotations__" in vars(sys.modules["__main__"]):
        vars(module)["__annotations__"] = {}
    sys.modules["__main__"] = module
    if hasattr(sys, "orig_argv"):
        sys.orig_argv = list(argv)
    if first == "-c":
        _search([""])
        sys.argv = ["-c", *rest[1:]]
        module.__loader__ = importlib.machinery.BuiltinImporter
        return _guarded(lambda: exec(compile(rest[0], "<string>", "exec"), module.__dict__))
    if first == "-m":
        import runpy

        _search([str(Path.cwd())])
        sys.argv = ["-m", *rest[1:]]
        run = runpy._run_module_as_main  # type: ignore[attr-defined]
        return _guarded(lambda: run(rest[0]))
    _search([str(Path(first).resolve().parent)])
    sys.argv = [first, *rest]
    return _guarded(lambda: _run_script(first, module.__dict__))


def _search(first: List[str]) -> None:
    if not getattr(sys.flags, "safe_path", False):
        sys.path[:0] = first


def _run_script(path: str, namespace: Dict[str, Any]) -> None:
    shown = str(Path.cwd() / path) if sys.version_info >= (3, 9) else path
    namespace["__file__"], namespace["__cached__"] = shown, None
    namespace["__loader__"] = importlib.machinery.SourceFileLoader("__main__", shown)
    try:
        source = Path(path).read_bytes()
    except OSError as error:
        text = f"{sys.executable}: can't open file {shown!r}: [Errno {error.errno}] {error.strerror}"
        print(text, file=sys.stderr)
        raise SystemExit(2) from None
    exec(compile(source, shown, "exec"), namespace)


def _guarded(run: Callable[[], Any]) -> Callable[[], None]:
    """Return `run`, so that an exception is told and ends the interpreter as if this file were not there."""

    def job() -> None:
        global _exit_code
        try:
            run()
            _exit_code = 0
        except BaseException as error:
            _exit_code = _code_of(error)
            hook = sys.excepthook
            sys.excepthook = lambda kind, value, trace: hook(kind, *_without_us(value, trace))
            raise

    return job


def _without_us(
    value: BaseException, trace: Optional[types.TracebackType]
) -> Tuple[BaseException, Optional[types.TracebackType]]:
    """Drop the frames that lead from the start of the interpreter to the job's own."""
    ours = _without_us.__code__.co_filename
    last = trace
    while last is not None and last.tb_frame.f_code.co_filename != ours:
        last = last.tb_next
    while last is not None and last.tb_frame.f_code.co_filename == ours:
        last = last.tb_next
    return value.with_traceback(last), last


def _code_of(error: BaseException) -> Optional[int]:
    """Return the exit code that an exception leads to, None where it is a signal."""
    if isinstance(error, SystemExit):
        return error.code & 0xFF if isinstance(error.code, int) else int(error.code is not None)
    return None if isinstance(error, KeyboardInterrupt) else 1


def leave() -> None:
    """End a job that has ended: what it made is taken down, the libraries are left to the kernel.

    Taking those down would copy every page that is shared with the parent, which takes longer than a fork.
    """
    if _exit_code is None:
        return
    for name in ("last_exc", "last_value", "last_traceback"):
        vars(sys).pop(name, None)
    sys.excepthook = sys.__excepthook__
    for name in [name for name in sys.modules if name == "__main__" or name not in preloaded]:
        del sys.modules[name]
    gc.collect()
    code = _exit_code if _flushed() else _LOST_OUTPUT
    with contextlib.suppress(ImportError, OSError, AttributeError):
        import ctypes

        ctypes.CDLL(None).fflush(None)
    os._exit(code)


def _flushed() -> bool:
    """Write what is still buffered; return whether standard output and error could be."""
    for item in gc.get_objects():
        # isinstance asks the object for its class, and some objects of libraries warn whoever asks.
        if issubclass(type(item), (io.BufferedWriter, io.TextIOWrapper)):
            with contextlib.suppress(OSError, ValueError):
                item.flush()
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None and not stream.closed:
                stream.flush()
    except (OSError, ValueError):
        return False
    return True
