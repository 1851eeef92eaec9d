"""Rosters of workers whose links a test can read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from master.adapters.agent_client import WorkerLink
from master.adapters.agent_links.gate import Gate
from master.runs.fleet.roster import Roster
from master.specs import EMPTY, ClusterSpec, ServerSpec
from worker_agent.protocol import messages as msg


@dataclass
class QuietLink:
    """A link that remembers what is done with it."""

    worker: str
    cluster: ClusterSpec
    done: list[Any] = field(default_factory=list)
    welcome: msg.Welcome | None = None
    gate: Gate = field(default_factory=Gate)

    def start(self) -> None:
        """Begin to connect."""
        self.done.append("start")

    def have_slots(self, least: int | None) -> None:
        """Have at least so many jobs at a time there."""
        self.done.append(("have slots", least))

    def part(self) -> None:
        """Say nothing more."""
        self.done.append("part")

    def close(self, farewell: msg.Shutdown | None = None) -> None:
        """End the link."""
        self.done.append(("close", farewell))


def quiet_link(server: ServerSpec, cluster: ClusterSpec) -> WorkerLink:
    """Make a link that goes nowhere."""
    return cast(WorkerLink, QuietLink(server.name, cluster))


def roster_of(cluster: ClusterSpec, synced: Mapping[str, str] = EMPTY) -> Roster:
    """Return a roster of all workers of a cluster."""
    roster = Roster(quiet_link, "run1")
    for server in cluster.servers:
        roster.take(server, cluster, synced)
    return roster
