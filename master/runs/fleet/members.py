"""Which workers a start has: those of the cluster config, and what the orders of earlier starts changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from master import steady_clock
from master.core.running.fleet.holds import Hold
from master.core.running.orders.membership import Membership, leave_run, membership
from master.core.running.orders.of_workers import AddWorker
from master.core.running.records import RunState
from master.errors import ConfigError
from master.runs.fleet.joining import read_joining
from master.runs.fleet.reached import as_json, from_json
from master.runs.fleet.roster import Roster
from master.runs.library import synced_data
from master.runs.spec import RunSpec
from master.specs import ClusterSpec, ServerSpec
from master.storage.journal import Journal

_MAY_FINISH = "what runs there may finish, it gets nothing more"
UNLISTED = "is no longer in the cluster config: what runs there of this run is ended"
Reached = tuple[ServerSpec, ClusterSpec]


@dataclass
class Members:
    """The workers of a start."""

    there: dict[str, Reached] = field(default_factory=dict)
    """Those that get jobs, and those that leave."""
    leaving: dict[str, Hold] = field(default_factory=dict)
    """Those that no config, or none that can be read, tells of, and that may have something of the run."""
    notes: list[str] = field(default_factory=list)
    """What the user should know of it."""

    @property
    def servers(self) -> list[ServerSpec]:
        """Return them, those of the cluster config first and in its order."""
        return [server for server, _ in self.there.values()]

    def take_all(self, roster: Roster, journal: Journal, synced: Mapping[str, str]) -> dict[str, str]:
        """Take them into the roster; return `synced` with the data of those that were added.

        `synced` is the content hash of each directory to copy, by path.  Raises ConfigError for data that
        cannot be read.
        """
        found = dict(synced)
        for server, cluster in self.there.values():
            if any(item.sync and item.path not in found for item in server.data):
                found |= synced_data(replace(cluster, servers=(server,)))
            roster.take(server, cluster, found)
        journal.remember_workers({name: as_json(*reached) for name, reached in self.there.items()})
        return found

    def raise_slots(self, state: RunState, roster: Roster) -> None:
        """Let those have more slots than their config says of which users wanted that."""
        for name, link in roster.links.items():
            if (view := state.workers.get(name)) and view.raised:
                link.have_slots(view.raised)

    def let_leave(self, state: RunState) -> None:
        """Let those leave that can only do so."""
        for name, hold in self.leaving.items():
            leave_run(state.workers[name], hold)


def orders_of(spec: RunSpec, journal: Journal) -> Membership:
    """Return what the orders of earlier starts come to; those of a run that starts over count no more."""
    return membership(journal.orders()) if spec.resumes else Membership()


def members_of(cluster: ClusterSpec, orders: Membership, known: Mapping[str, Mapping[str, Any]]) -> Members:
    """Return the workers of a start; `known` tells how those are reached that had something of the run."""
    members = Members()
    for server in cluster.servers:
        if server.name not in orders.removed or server.name in known:
            members.there[server.name] = server, cluster
        if server.name in orders.removed:
            members.notes.append(
                f"{server.name}: stays out of the run, as it was removed from it: add-worker takes it back"
            )
    for name, order in orders.added.items():
        if name not in members.there:
            _take_added(members, name, order, cluster, known.get(name))
    for name, told in known.items():
        if name not in members.there and name not in orders.added:
            _take_unlisted(members, name, told, is_removed=name in orders.removed)
    return members


def _take_added(
    members: Members, name: str, order: AddWorker, cluster: ClusterSpec, told: Mapping[str, Any] | None
) -> None:
    """Take a worker as its order says; where that cannot be read, only what it has of the run counts."""
    try:
        found = read_joining(order, cluster)
    except ConfigError as error:
        problem = f"{name}: was added to the run and cannot be used now: {error}"
        if told is not None and _take_as_known(members, name, told):
            problem += f"; {_MAY_FINISH}"
            why = "its config cannot be read any more"
            members.leaving[name] = Hold("", steady_clock.now(), why)
        members.notes.append(problem)
        return
    members.there[name] = found.servers[0], found


def _take_unlisted(members: Members, name: str, told: Mapping[str, Any], *, is_removed: bool) -> None:
    if _take_as_known(members, name, told) and not is_removed:
        why = "it is no longer in the cluster config"
        members.leaving[name] = Hold("", steady_clock.now(), why, at_once=True)
        members.notes.append(f"{name}: {UNLISTED}")


def _take_as_known(members: Members, name: str, told: Mapping[str, Any]) -> bool:
    """Take a worker as the journal tells how it was reached; False where that cannot be read."""
    try:
        members.there[name] = from_json(name, told)
    except (ValueError, LookupError, TypeError) as error:
        problem = f"how it was reached cannot be read ({error})"
        members.notes.append(f"{name}: {problem}: end its jobs there yourself")
        return False
    return True
