"""The process that has imported what jobs need, and is forked once for each of them.

It is run by the jobs' interpreter, which may be another one than the agent's.  It talks over a Unix socket
(SOCK_SEQPACKET), one JSON object a packet:

    agent → here   {"preload": [[module, names], …]}, then {"id", "argv", "cwd", "env"} with the descriptors
                   [log, go] or [log, go, keep]
    here → agent   {"ready": {"stamps", "rss"}} or {"unfit": why}, then {"id", "rss", "pid"} or
                   {"id", "rss", "problem"}

The job is forked twice, so that it becomes a child of the agent, which is the reaper of its descendants.  It
runs once the agent has written a byte to `go`.  This process runs no code of the user's.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import importlib.util
import os
import random
import socket
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List, NoReturn, Optional, Sequence, Tuple

from worker_agent.executors import warm_job
from worker_agent.system.seqpacket import receive, send

RESERVE = "TWOPHASE_WARM_RESERVE"
"""A variable of this process's environment, as long as all that may be written over it."""
PER_JOB = ("TWOPHASE_", "CUDA_VISIBLE_DEVICES", "PWD")
"""How the variables begin that may differ between the jobs of one parent."""
IDLE_S = 600.0
_LIBRARIES = ("site-packages", "dist-packages")


def main(descriptor: int) -> None:
    """Serve the agent at the other end of a socket until it closes it.  Returns in jobs alone: they end."""
    agent = socket.socket(fileno=descriptor)
    agent.settimeout(IDLE_S)
    # Registered before all others, so it runs after them.
    atexit.register(warm_job.leave)
    prepare = _Preparation()
    request, _ = receive(agent)
    answer = prepare.preload(request["preload"])
    send(agent, answer)
    if "unfit" in answer:
        os._exit(0)
    while True:
        request, files = receive(agent)
        answer, job = _fork_twice(request, files, prepare)
        if job is not None:
            # Its number may be one of the job's files by now.
            agent.detach()
            job()
            return
        for number in files:
            os.close(number)
        send(agent, {"id": request["id"], "rss": _rss_bytes(), **answer})


class _Preparation:
    """What was found at the start, and what imports added to it."""

    def __init__(self) -> None:
        if sys.path and sys.path[0] == "":
            del sys.path[0]
        self._own_files = _open_files()
        self.kept_files: List[int] = []
        """Descriptors that imports opened: a fresh interpreter would have them too."""
        self.added: Dict[str, str] = {}
        """Variables that the interpreter (LC_CTYPE in the C locale) or imports have set."""
        self._reserve = _place_of(os.fsencode(RESERVE) + b"=")
        self._argv = _words_of_stat(45, 46)

    def preload(self, wanted: Sequence[Tuple[str, Sequence[str]]]) -> Dict[str, Any]:
        """Import what is installed here of `wanted`; return the answer to the agent."""
        try:
            for name, names in wanted:
                if _is_installed(name.partition(".")[0]):
                    __import__(name, {}, {}, list(names))
        except BaseException as error:
            return {"unfit": f"importing {name} fails: {type(error).__name__}: {error}"}
        given = set(_read("/proc/self/environ").split(b"\0"))
        items = os.environ.items()
        self.added = {name: value for name, value in items if os.fsencode(f"{name}={value}") not in given}
        gc.collect()
        gc.freeze()
        why = self._unsafe()
        if why:
            return {"unfit": why}
        warm_job.preloaded = frozenset(sys.modules)
        self.kept_files = [number for number in _open_files() if number not in self._own_files]
        return {"ready": {"stamps": _stamps(), "rss": _rss_bytes()}}

    def _unsafe(self) -> Optional[str]:
        """Return why a fork of this process could not be trusted."""
        # OpenBLAS ends its threads before a fork and starts them anew when they are needed.
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
        threads = len(list(Path("/proc/self/task").iterdir()))
        if threads > 1:
            return f"what it imports has started {threads - 1} threads"
        torch = sys.modules.get("torch")
        if torch is not None and torch.cuda.is_initialized():
            return "what it imports has initialised CUDA"
        devices = [path for path in map(_link, _open_files()) if path.startswith(("/dev/nvidia", "/dev/kfd"))]
        if devices:
            return f"what it imports has opened {devices[0]}"
        if not self.show([sys.executable], {}):
            return "this kernel does not let a process change what others see of its environment"
        return None

    def show(self, argv: Sequence[str], env: Dict[str, str]) -> bool:
        """Change what `/proc` tells of this process's command and, in the reserve, of its environment."""
        start, size = self._reserve
        shown = b"\0".join(os.fsencode(f"{name}={value}") for name, value in env.items())
        first, end = self._argv
        words = b"\0".join(map(os.fsencode, argv))
        if not size or len(shown) > size:
            return False
        try:
            with Path("/proc/self/mem").open("r+b", buffering=0) as memory:
                memory.seek(start)
                memory.write(shown.ljust(size, b"\0"))
                memory.seek(first)
                memory.write(words[: end - first - 1].ljust(end - first, b"\0"))
        except OSError:
            return False
        return shown in _read("/proc/self/environ")


# --- the fork

Answer = Dict[str, Any]


def _fork_twice(
    request: Dict[str, Any], files: List[int], prepare: _Preparation
) -> Tuple[Answer, Optional[Callable[[], None]]]:
    """Return the pid of the job, or, in the job, what it is to do."""
    sys.stdout.flush()
    sys.stderr.flush()
    reader, writer = os.pipe()
    try:
        middle = os.fork()
        if middle == 0 and _fork_or_die():
            os.close(reader)
            return {}, _become(request, files, writer, prepare)
        os.close(writer)
        os.waitpid(middle, 0)
        text = _drained(reader)
    except OSError as error:
        text = str(error)
    return ({"pid": int(text)} if text.isdigit() else {"problem": text or "the fork failed"}), None


def _fork_or_die() -> bool:
    """Return True in a new child; its parent ends."""
    code = 1
    try:
        if os.fork() == 0:
            return True
        code = 0
    except OSError:
        pass
    os._exit(code)


def _drained(reader: int) -> str:
    with os.fdopen(reader, "rb") as stream:
        return stream.read().decode("utf-8", "replace")


def _become(
    request: Dict[str, Any], files: List[int], writer: int, prepare: _Preparation
) -> Callable[[], None]:
    """Turn a fork into what a fresh interpreter would be, wait for the agent, and return the job."""
    try:
        os.setsid()
        go = _take_files(files, writer, prepare.kept_files)
        os.chdir(request["cwd"])
        if not prepare.show(request["argv"], _told(request["env"])):
            raise ValueError("the job's variables are too long")
        for name in [name for name in os.environ if name not in request["env"]]:
            del os.environ[name]
        os.environ.update({**request["env"], **prepare.added})
        _freshen()
        os.write(writer, str(os.getpid()).encode())
    except BaseException as error:
        _die(writer, str(error))
    os.close(writer)
    if not os.read(go, 1):
        os._exit(1)
    os.close(go)
    return warm_job.program(request["argv"])


def _told(env: Dict[str, str]) -> Dict[str, str]:
    """Return the variables that differ from job to job."""
    return {name: value for name, value in env.items() if name.startswith(PER_JOB)}


def _take_files(files: List[int], writer: int, kept: Sequence[int]) -> int:
    """Leave open: no input, the log twice, `writer`, the lock, what imports opened, and `go`, returned."""
    log, go, *lock = files
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    for number in _open_files():
        if number > 2 and number not in (go, writer, *lock, *kept):
            os.close(number)
    for number in lock:
        os.set_inheritable(number, True)
    return go


def _freshen() -> None:
    """Draw anew what an interpreter draws when it starts."""
    random.seed()
    numpy = sys.modules.get("numpy.random")
    if numpy is not None:
        numpy.seed()
    torch = sys.modules.get("torch")
    if torch is not None:
        # Drawn from the system where the interpreter starts; CUDA's begins the same each time.
        torch.default_generator.seed()
    process = sys.modules.get("multiprocessing.process")
    if process is not None:
        process.current_process().authkey = os.urandom(32)
    importlib.invalidate_caches()


def _die(writer: int, text: str) -> NoReturn:
    with contextlib.suppress(OSError):
        os.write(writer, (text or "the fork failed").encode("utf-8", "replace"))
    os._exit(1)


# --- looks at this process


def _is_installed(name: str) -> bool:
    """Return whether a module comes from a library directory, and so is not the user's own."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return False
    if spec is None:
        return False
    places = [spec.origin] if spec.origin else list(spec.submodule_search_locations or [])
    return any(f"/{library}/" in (place or "") for place in places for library in _LIBRARIES)


def _stamps() -> List[List[Any]]:
    """Return `[path, mtime_ns]` of what changes when this interpreter or its libraries do."""
    tops = [module for name, module in list(sys.modules.items()) if "." not in name]
    files = {str(module.__file__) for module in tops if getattr(module, "__file__", None)}
    found = []
    for path in sorted({path for path in (*files, *sys.path) if "-packages" in path} | {sys.executable}):
        with contextlib.suppress(OSError):
            found.append([path, Path(path).stat().st_mtime_ns])
    return found


def _rss_bytes() -> int:
    return int(_read("/proc/self/statm").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _open_files() -> List[int]:
    numbers = [int(entry.name) for entry in Path("/proc/self/fd").iterdir()]
    return [number for number in numbers if _link(number)]


def _link(number: int) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{number}")  # noqa: PTH115
    except OSError:
        return ""


def _read(path: str) -> bytes:
    return Path(path).read_bytes()


def _words_of_stat(*indices: int) -> Tuple[int, ...]:
    words = _read("/proc/self/stat").rpartition(b")")[2].split()
    return tuple(int(words[index]) for index in indices)


def _place_of(entry: bytes) -> Tuple[int, int]:
    """Return address and length of an entry of this process's first environment; length 0 without one."""
    (start,) = _words_of_stat(47)
    text = _read("/proc/self/environ")
    offset = 0 if text.startswith(entry) else text.find(b"\0" + entry) + 1
    if not text.startswith(entry, offset):
        return 0, 0
    return start + offset, text.find(b"\0", offset) - offset
