"""A seat as a worker: commands with streams run in its allocation, everything else on the login host."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from types import TracebackType

from master.adapters.allocators.allocator import Allocation, AllocationState
from master.adapters.allocators.slurm import commands
from master.adapters.session import Channel, Completed, Session
from master.errors import SessionLost
from master.specs import BY_SSH


class SeatSession:
    """Files lie on a disk that login host and nodes share: they are pushed, pulled and looked at there."""

    def __init__(
        self, login: Session, seat: str, allocation: Callable[[], Allocation | None], reach: str
    ) -> None:
        """`allocation` tells what the seat has now; `reach` is one of `specs.REACHES`."""
        self._login, self._seat, self._allocation, self._reach = login, seat, allocation, reach

    @property
    def host(self) -> str:
        """The seat's name."""
        return self._seat

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float = 60.0) -> Completed:
        """Run a command on the login host."""
        return self._login.run(argv, stdin=stdin, timeout_s=timeout_s)

    def open_channel(self, argv: Sequence[str]) -> Channel:
        """Start a command in the seat's allocation.  Raises SessionLost where it has none that runs.

        `srun` passes on whole lines: the end of one that a command has begun comes with its line end, or with
        the command's.
        """
        found = self._allocation()
        if found is None or found.state is not AllocationState.RUNNING:
            raise SessionLost(f"{self._seat}: {_why_not(found)}")
        if self._reach == BY_SSH:
            return self._login.open_channel(commands.on_node(found.node, argv))
        return self._login.open_channel(commands.step(found.allocation_id, argv))

    def push(self, source: Path, target: str) -> None:
        """Make the directory `target` equal to `source`."""
        self._login.push(source, target)

    def pull(self, source: str, target: Path, names: Collection[str], most: int) -> None:
        """Bring these files of `source` into the directory `target`."""
        self._login.pull(source, target, names, most)

    def close(self) -> None:
        """End the session to the login host; the allocation goes on."""
        self._login.close()

    def __enter__(self) -> SeatSession:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _why_not(found: Allocation | None) -> str:
    if found is None:
        return "it has no allocation"
    if found.state is AllocationState.QUEUED:
        return f"its allocation {found.allocation_id} waits ({found.reason})"
    return f"its allocation {found.allocation_id} has ended ({found.reason})"
