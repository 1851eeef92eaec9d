"""Workers join a run and go from it while it goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace

from master.adapters.inbox import Inbox, Noted
from master.core.running import commands as cmd
from master.core.running.orders.of_workers import AddWorker
from master.core.running.orders.order import Ordered
from master.runs.fleet.joining import described, read_joining
from master.runs.fleet.reached import as_json
from master.runs.fleet.roster import Roster
from master.runs.library import synced_data
from master.specs import ClusterSpec
from master.storage.journal import Journal
from master.storage.library import Library
from master.transfers.courier import Courier
from worker_agent.protocol import messages as msg

_PATIENCE_S = 15.0


class Fleet:
    """Connects to workers that join, and parts from those that go.

    `prepare` may be called by any thread, the rest by one.
    """

    def __init__(
        self,
        roster: Roster,
        courier: Courier,
        library: Library,
        journal: Journal,
        inbox: Inbox,
        listed: ClusterSpec,
    ) -> None:
        """`listed` is the cluster config: what its workers are to have, those that join are too."""
        self._listed = listed
        self._roster, self._courier, self._library = roster, courier, library
        self._journal, self._inbox = journal, inbox
        self._prepared: dict[str, tuple[ClusterSpec, Mapping[str, str]]] = {}
        self._under_way: dict[str, threading.Thread] = {}
        """What is done in the background with a worker: it goes, or waits until its going is done."""

    def prepared(self, event: Ordered) -> Ordered:
        """Return an order with what its config says.  Raises ConfigError; changes nothing of the run."""
        order = event.order
        return replace(event, order=self.prepare(order)) if isinstance(order, AddWorker) else event

    def prepare(self, order: AddWorker) -> AddWorker:
        """Read the config of a worker that is to join.  Raises ConfigError."""
        cluster = read_joining(order, self._listed)
        prepared = described(order, cluster.servers[0])
        self._prepared[prepared.name] = cluster, synced_data(cluster)
        return prepared

    def connect(self, name: str) -> None:
        """Take a worker in that has been prepared, and begin to connect.

        One that left a moment ago is connected to once that is done: its agent serves one link at a time,
        and what is being carried over the other comes home first.
        """
        cluster, synced = self._prepared.pop(name)
        (server,) = cluster.servers
        self._library.hold_data(synced)
        link = self._roster.take(server, cluster, synced)
        self._journal.remember_workers({name: as_json(server, cluster)})
        leaving = self._under_way.get(name)
        if leaving is None or not leaving.is_alive():
            link.start()
            return

        def follow(leaving: threading.Thread = leaving) -> None:
            leaving.join()
            link.start()

        self._inbox.put(Noted(f"{name}: is connected to once it has left: something is being carried yet"))
        self._begin(follow, name)

    def let_go(self, name: str, *, answers: bool) -> None:
        """Part from a worker, in the background: what is being carried comes home first."""
        if answers:
            self._journal.remember_workers({name: None})
        member, link = self._roster.members.get(name), self._roster.drop(name)
        if link is None:
            return
        link.part()

        def part() -> None:
            self._courier.part(name)
            link.close(msg.Shutdown() if answers else None)
            host = member.server.host if member else name
            self._inbox.put(Noted(f"{name}: {_farewell(host, answers=answers)}"))

        self._begin(part, name)

    def have_slots(self, name: str, least: int | None) -> None:
        """Have at least so many jobs at a time on a worker; None is as its config says."""
        if link := self._roster.links.get(name):
            link.have_slots(least)

    def of_seat(self, command: cmd.SubmitSeat | cmd.CancelSeat | cmd.Reach | cmd.Unreach) -> None:
        """Ask for the allocation of a seat, give it back, or connect to it from now on, or no more."""
        if isinstance(command, (cmd.SubmitSeat, cmd.CancelSeat)):
            self._roster.pools.carry_out(command)
        elif link := self._roster.links.get(command.worker):
            (link.gate.open if isinstance(command, cmd.Reach) else link.gate.shut)()

    def _begin(self, work: Callable[[], None], name: str) -> None:
        thread = threading.Thread(target=work, name=f"fleet-{name}", daemon=True)
        self._under_way[name] = thread
        thread.start()

    def close(self) -> None:
        """Wait for what is under way."""
        for thread in self._under_way.values():
            thread.join(_PATIENCE_S)


def _farewell(host: str, *, answers: bool) -> str:
    if answers:
        return "has left the run, nothing of it is there any more"
    advice = "what runs there of it goes on; the next start of the run tries to end it"
    return f"has left the run and does not answer: {advice}, or log in to {host} and end the agent there"
