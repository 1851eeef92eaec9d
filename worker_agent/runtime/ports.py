"""What the agent needs of the world, as small as it needs it: the rest of the runtime is given these."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Iterable, Iterator, Mapping, Optional, Protocol, Sequence, Union

from worker_agent.core.shares import Device
from worker_agent.protocol.messages import ToMaster
from worker_agent.runtime.spool import Body, Memory

Clock = Callable[[], float]
"""Returns seconds since 1970, and never goes back."""


class Records(Protocol):
    """The agent's memory on disk."""

    failure: Optional[str]
    """Why it cannot be written now."""

    @property
    def memory(self) -> Memory:
        """What the records say, all in all."""

    @property
    def lines(self) -> Mapping[int, bytes]:
        """The unacknowledged events as messages, by number, ascending."""

    def put(self, body: Body) -> None:
        """Take in a record, to be written by the next `write`."""

    def write(self) -> bool:
        """Append what was put.  Return whether the disk has all."""

    def sync(self) -> None:
        """Make what was written survive a crash of the machine; may be called from another thread."""


class Locks(Protocol):
    """The locks of slots."""

    def check(self, devices: Iterable[Device]) -> None:
        """Raise OSError where the lock of a device cannot be opened."""

    def take(self, slot: str, devices: Sequence[Device]) -> Optional[int]:
        """Lock a slot and return the descriptor that holds it; None where somebody else has part of it."""

    def free(self, slot: str) -> None:
        """Unlock a slot."""

    def others(self, device: Device, ours: int) -> int:
        """Return which shares of a device somebody else holds now, as bits; `ours` are not looked at."""


class Workers(Protocol):
    """Threads for what would hold up the loop."""

    def hash(self, work: Callable[[], object]) -> None:
        """Run `work` in a thread, and keep its answer for the loop."""

    def look(self, work: Callable[[], object]) -> None:
        """Run `work`, which may hang, in a thread of its own, and keep its answer for the loop."""

    def wait(self, work: Callable[[], object]) -> None:
        """Run `work`, which waits for what is being hashed, in a thread of its own; keep its answer."""

    def idle(self, work: Callable[[], object]) -> None:
        """Run `work`, which has time, in a thread behind all others, and keep its answer for the loop."""

    def tell(self, answer: object) -> None:
        """Keep an answer of a thread that is not of these, for the loop."""

    def delete(self, tree: Union[str, Path]) -> None:
        """Delete a directory some time."""

    def tidy(self) -> None:
        """Delete what is waiting, unless short jobs are pouring through."""

    def sync(self, work: Callable[[], None]) -> None:
        """Run `work` soon, once for all calls until it begins."""

    def answers(self) -> Iterator[object]:
        """Yield the answers that are there."""

    def drain(self) -> None:
        """Take note of having been woken."""


class Master(Protocol):
    """Who is told things; nothing is lost where there is nobody."""

    def say(self, message: ToMaster) -> None:
        """Send a message after the events that are there now."""
