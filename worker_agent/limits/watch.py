"""Looks at attempts that have limits, in a thread that sleeps while there are none."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import Callable, Dict, Optional

from worker_agent.core.excess import Aftermath, Excess, Usage, problem_of
from worker_agent.core.execution import Key
from worker_agent.limits.base import Bounds, Held, Hold, Table
from worker_agent.limits.output import OutputMeter
from worker_agent.limits.pace import CALM_S, pause_s, until_next_s
from worker_agent.limits.process_table import ProcessTable
from worker_agent.limits.watched import WatchedBounds


class _Followed:
    """One attempt, and what it was seen with."""

    def __init__(self, attempt: Held, hold: Hold, output: OutputMeter) -> None:
        self.attempt, self.hold, self._output = attempt, hold, output
        self.problem = ""
        self._at, self._before = time.monotonic(), Usage(0, 0, 0)

    def look(self, table: Table) -> float:
        """Look whether it is beyond a limit, and kill it if so; return when to look again, in seconds."""
        if self.problem:
            return CALM_S
        limits, usage = self.attempt.limits, self._usage(table)
        self.problem = problem_of(limits, usage)
        if self.problem:
            self.hold.kill()
        now = time.monotonic()
        before, elapsed_s = self._before, now - self._at
        self._before, self._at = usage, now
        pairs = (
            (limits.memory_bytes, before.memory_bytes, usage.memory_bytes),
            (limits.processes, before.processes, usage.processes),
            (limits.output_bytes, before.output_bytes, usage.output_bytes),
        )
        return min(until_next_s(*pair, elapsed_s) for pair in pairs)

    def _usage(self, table: Table) -> Usage:
        limits = self.attempt.limits
        needs_processes = limits.memory_bytes is not None or limits.processes is not None
        usage = self.hold.usage(table) if needs_processes else Usage()
        if limits.output_bytes is None:
            return usage
        written = self._output.written(limits.output_bytes)
        return Usage(usage.memory_bytes, usage.processes, written, usage.denied_memory)


class Watch:
    """All attempts with limits of one agent."""

    def __init__(self, bounds: Bounds, tell: Callable[[Excess], None]) -> None:
        """`tell` hears, in the thread, of those that were ended because they took too much."""
        self._bounds, self._tell = bounds, tell
        self._followed: Dict[Key, _Followed] = {}
        self._some, self._closing = threading.Event(), threading.Event()
        self._thread: Optional[threading.Thread] = None

    def follow(self, attempt: Held, output: OutputMeter) -> str:
        """Hold an attempt that has started; return why its limits are watched only, "" where they are not."""
        problem = ""
        try:
            hold: Hold = self._bounds.hold(attempt)
        except OSError as error:
            hold = WatchedBounds().hold(attempt)
            problem = "" if isinstance(error, ProcessLookupError) else f"{error.filename}: {error.strerror}"
        self._followed[attempt.key] = _Followed(attempt, hold, output)
        self._some.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="limits", daemon=True)
            self._thread.start()
        return problem

    def leave(self, key: Key, killed: bool = False) -> Aftermath:
        """Follow an attempt no more that has ended, and say what became of it.

        `killed`: by a signal that nobody had asked for.
        """
        followed = self._followed.pop(key, None)
        if followed is None:
            return Aftermath()
        found = followed.hold.release(killed)
        return Aftermath(followed.problem) if followed.problem else found

    def close(self) -> None:
        """End the thread, and give back what is held."""
        self._closing.set()
        self._some.set()
        if self._thread:
            self._thread.join()
        for key in list(self._followed):
            self.leave(key)

    def _run(self) -> None:
        while not self._closing.is_set():
            self._some.wait()
            # Of this thread's own time: others that keep the machine busy do not make looking dear.
            began = time.thread_time()
            wanted_s = self._look()
            if not self._followed:
                self._some.clear()
                # One that came since the look would be slept over.
                if self._followed:
                    self._some.set()
            self._closing.wait(pause_s(wanted_s, time.thread_time() - began))

    def _look(self) -> float:
        tables: Dict[str, ProcessTable] = {}

        def table() -> ProcessTable:
            return tables.setdefault("now", tables.get("now") or ProcessTable.read())

        waits = [CALM_S]
        for followed in list(self._followed.values()):
            was_fine = not followed.problem
            with contextlib.suppress(OSError):  # what it was about has gone meanwhile
                waits.append(followed.look(table))
            if was_fine and followed.problem:
                self._tell(Excess(followed.attempt.key, followed.problem))
        return min(waits)
