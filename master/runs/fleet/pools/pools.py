"""The pools of a start: a keeper for each, and sessions to their seats."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from master.adapters.allocators.allocator import Allocation, Allocator
from master.adapters.allocators.seat_session import SeatSession
from master.adapters.inbox import Inbox
from master.adapters.session import Session
from master.core.running import commands as cmd
from master.errors import UsageError
from master.runs.agents import OpenSession
from master.runs.fleet.pools.keeper import LOOK_S, Keeper
from master.specs import ClusterSpec, PoolSpec, ServerSpec

LOOK_VARIABLE, MOST_LOOK_S = "TWOPHASE_QUEUE_LOOK_S", 3600.0
MakeAllocator = Callable[[PoolSpec, ClusterSpec], Allocator]
"""Takes a pool, and the cluster by whose SSH configuration its login host is reached."""


class Pools:
    """Keeps all pools of a start.  Without any it does nothing and costs nothing."""

    def __init__(self, every_s: float | None = None) -> None:
        """Look at each login host every so many seconds at most; the environment may say how many.

        Raises UsageError where it says no such number.
        """
        self._every_s = _asked_s() if every_s is None else every_s
        self._keepers: dict[str, Keeper] = {}

    def take(
        self, reached: Iterable[tuple[ServerSpec, ClusterSpec]], inbox: Inbox, make: MakeAllocator
    ) -> None:
        """Keep the pools that have seats among these."""
        found: dict[str, tuple[PoolSpec, ClusterSpec]] = {}
        for server, cluster in reached:
            if server.pool is not None:
                found.setdefault(server.pool.name, (server.pool, cluster))
        hosts = Counter(_host(pool) for pool, _ in found.values())
        for pool, cluster in found.values():
            every_s = self._every_s * hosts[_host(pool)]
            self._keepers[pool.name] = Keeper(pool, make(pool, cluster), inbox, every_s)

    def start(self) -> None:
        """Begin to look."""
        for keeper in self._keepers.values():
            keeper.start()

    def carry_out(self, command: cmd.SubmitSeat | cmd.CancelSeat) -> None:
        """Ask an engine for an allocation, or give one back."""
        keeper = self._keepers[command.worker.rpartition(".")[0]]
        if isinstance(command, cmd.SubmitSeat):
            keeper.submit(command.worker)
        else:
            keeper.cancel(command.worker, command.allocation)

    def opening(self, connect: OpenSession) -> OpenSession:
        """Return what opens sessions to seats too, by way of their login hosts, and others by `connect`."""

        def opened(server: ServerSpec, cluster: ClusterSpec, in_terminal: bool) -> Session:
            if server.pool is None:
                return connect(server, cluster, in_terminal)
            login = connect(server.pool.login, cluster, False)
            return SeatSession(login, server.name, self._looking_up(server), server.pool.reach)

        return opened

    def _looking_up(self, server: ServerSpec) -> Callable[[], Allocation | None]:
        keepers: Mapping[str, Keeper] = self._keepers
        pool = server.pool.name if server.pool else ""
        return lambda: keepers[pool].allocation(server.name) if pool in keepers else None

    def close(self, *, gives_back: bool) -> list[str]:
        """End all, and give all allocations back where the run is over; return what went wrong."""
        for keeper in self._keepers.values():
            keeper.begin_close(gives_back=gives_back)
        for keeper in self._keepers.values():
            keeper.join()
        return [problem for keeper in self._keepers.values() for problem in keeper.problems]


def _asked_s() -> float:
    text = os.environ.get(LOOK_VARIABLE) or str(LOOK_S)
    try:
        asked_s = float(text)
    except ValueError:
        asked_s = 0.0
    if not 0 < asked_s <= MOST_LOOK_S:
        problem = f"is {text!r}, allowed are seconds between two looks at a queue, to {MOST_LOOK_S:g}"
        raise UsageError(f"the environment variable {LOOK_VARIABLE} {problem}")
    return asked_s


def _host(pool: PoolSpec) -> tuple[str, int | None]:
    return pool.login.host.lower(), pool.login.port
