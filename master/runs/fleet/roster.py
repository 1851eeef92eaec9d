"""The workers of a start by name: one thread changes it, any may look things up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from master.adapters.agent_client import WorkerLink
from master.runs.agents import MakeLink, worker_run_id
from master.runs.fleet.pools.pools import Pools
from master.runs.launching import data_mounts
from master.specs import ClusterSpec, ServerSpec
from master.transfers.remote import Remote
from worker_agent.protocol.messages import Mount


@dataclass(frozen=True)
class Member:
    """A worker as the config of the cluster describes it."""

    server: ServerSpec
    cluster: ClusterSpec
    """By whose SSH configuration it is reached."""
    mounts: tuple[Mount, ...]
    """The data that jobs see there."""


class Roster:
    """Links, transfers' side of them, and what the user said of each worker."""

    def __init__(self, make_link: MakeLink, run_id: str, pools: Pools | None = None) -> None:
        """`pools` are those whose seats are among the workers."""
        self.pools = pools or Pools()
        self._make_link, self._run_id = make_link, run_id
        self.links: dict[str, WorkerLink] = {}
        self.remotes: dict[str, Remote] = {}
        self.members: dict[str, Member] = {}
        self.ever: dict[str, ServerSpec] = {}
        """Those that have gone too."""

    def take(self, server: ServerSpec, cluster: ClusterSpec, synced: Mapping[str, str]) -> WorkerLink:
        """Take a worker in and return the link to it, not started.

        `synced` tells the content hash of each directory that is copied to workers.
        """
        link = self._make_link(server, cluster)
        if server.pool is not None:
            link.gate.shut()
        mounts = data_mounts(server.data, synced, local=server.is_local)
        self.ever[server.name] = server
        self.members[server.name] = Member(server, cluster, tuple(mounts))
        self.remotes[server.name] = Remote(
            link, worker_run_id(self._run_id, server), outlives_agent=server.pool is not None
        )
        self.links[server.name] = link
        return link

    def drop(self, name: str) -> WorkerLink | None:
        """Forget a worker and return the link to it."""
        self.members.pop(name, None)
        self.remotes.pop(name, None)
        return self.links.pop(name, None)
