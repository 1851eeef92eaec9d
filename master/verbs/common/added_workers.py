"""Workers that users have added to a run: its cluster config does not list them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from master.adapters.session import Session
from master.core.running.orders.membership import membership
from master.errors import ConfigError
from master.runs.agents import open_session
from master.runs.fleet.joining import read_joining
from master.specs import ClusterSpec, ServerSpec
from master.storage.journal_snapshot import open_snapshot
from master.storage.run_layout import RunLayout


@dataclass(frozen=True)
class Machines:
    """The workers of a cluster config and those that were added to a run of it."""

    cluster: ClusterSpec
    """It lists all of them."""
    added: dict[str, ClusterSpec] = field(default_factory=dict)
    """By whose SSH configuration those are reached that were added."""

    def connect(self, server: ServerSpec, cluster: ClusterSpec, in_terminal: bool) -> Session:
        """Open a session with one of them."""
        return open_session(server, self.added.get(server.name, cluster), in_terminal)


def with_added(cluster: ClusterSpec, run: Path) -> Machines:
    """Return the workers of a cluster and those that users have added to the run in a directory, if any.

    A journal, or an entry, that cannot be read adds nothing: the machines are looked at all the same.
    """
    found = dict[str, ClusterSpec]()
    with suppress(ConfigError):
        found = {each.servers[0].name: each for each in _added(cluster, RunLayout(run))}
    others = tuple(each.servers[0] for each in found.values())
    return Machines(replace(cluster, servers=(*cluster.servers, *others)), found)


def _added(cluster: ClusterSpec, layout: RunLayout) -> Iterator[ClusterSpec]:
    if not layout.journal.exists():
        return
    with open_snapshot(layout.journal) as snapshot:
        orders = membership(snapshot.orders()).added
    known = {server.name for server in cluster.servers}
    for name, order in orders.items():
        with suppress(ConfigError):
            if name not in known:
                yield read_joining(order, cluster)
