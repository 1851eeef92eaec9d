"""The real command, started again whenever it has been killed, as its user would."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.runs import Run

UNFINISHED = 1
"""The exit code of a run some of whose jobs failed; those that must fail do."""


class MasterProcess:
    """`run_two_phase` in one run directory."""

    def __init__(self, run: Run, log: Path, *flags: str) -> None:
        self._run, self._log, self._flags = run, log, flags
        self._process: subprocess.Popen[bytes] | None = None
        self.starts = 0
        self.rebuilds = 0

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it lives."""
        return self._process.poll() if self._process else None

    def start(self, *flags: str) -> None:
        """Start it; what it says goes to the end of its log."""
        self.starts += 1
        with self._log.open("ab") as log:
            log.write(f"---- start {self.starts} {' '.join(flags)}\n".encode())
            log.flush()
            argv = self._run.argv(*self._flags, *flags)
            self._process = subprocess.Popen(
                argv,
                **{"env": self._run.environ(), "stdin": subprocess.DEVNULL, "start_new_session": True},
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """SIGKILL to it; what it had started goes on."""
        assert self._process is not None
        with suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait()

    def last_words(self) -> str:
        """Return what the last start said, without what came before."""
        text = self._log.read_text(errors="replace") if self._log.exists() else ""
        return text.rpartition("---- start ")[2]

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Let it stand still."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGCONT)

    def children(self, name: str) -> list[int]:
        """Return its descendants of a name."""
        found, parents = [], {self.pid}
        for folder in sorted(Path("/proc").glob("[0-9]*"), key=lambda folder: int(folder.name)):
            with suppress(OSError, ValueError):
                comm, _, rest = (folder / "stat").read_text().partition("(")[2].rpartition(")")
                if int(rest.split()[1]) in parents:
                    parents.add(int(folder.name))
                    found.extend([int(folder.name)] if comm == name else [])
        return found
