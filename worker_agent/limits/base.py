"""The port: who keeps the limits of attempts, and what one attempt is held by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, List, Protocol, Sequence

from worker_agent.core.excess import Aftermath, Usage
from worker_agent.core.execution import Key
from worker_agent.limits.process_table import ProcessTable
from worker_agent.protocol.terms import JobLimits

Table = Callable[[], ProcessTable]
"""Returns the processes of this machine: read once in a round of looks, if somebody asks."""


@dataclass(frozen=True)
class Held:
    """An attempt that has limits and runs."""

    key: Key
    pid: int
    """Its first process."""
    mark: bytes
    """The assignment that all of its processes have in their environment."""
    limits: JobLimits


class Hold(Protocol):
    """What holds the processes of one attempt."""

    def usage(self, table: Table) -> Usage:
        """Return what they take now."""

    def kill(self) -> None:
        """End all of them at once, however fast they multiply."""

    def release(self, killed: bool) -> Aftermath:
        """Say what the kernel did, and give back what was held.  Called once none of them is left.

        `killed`: the first of them was ended by a signal, and nobody had asked for that.
        """


class Bounds(Protocol):
    """Keeps limits in one way."""

    how: str
    """A word of `protocol.terms`."""
    apart: str
    """Why an attempt has to be a process from its first moment on; empty where it has not."""

    def command(self, argv: Sequence[str], limits: JobLimits) -> List[str]:
        """Return the command that runs another within limits."""

    def hold(self, attempt: Held) -> Hold:
        """Hold an attempt that has just started, or that an earlier agent has.  Raises OSError."""
