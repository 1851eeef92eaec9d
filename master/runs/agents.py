"""The links to the agents of a run, and the sessions that carry them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from master.adapters.agent_deploy import ISOLATED, AgentBundle, build_agent, deploy_agent
from master.adapters.local_session import LocalSession
from master.adapters.session import Session
from master.core.planning.identity import tagged_hash
from master.specs import ClusterSpec, ServerSpec
from worker_agent.protocol import messages as msg

if TYPE_CHECKING:
    from master.adapters.agent_client import WorkerLink
    from master.adapters.inbox import Inbox
    from worker_agent.protocol.artefacts.peering import Peering

AGENT_S = 20.0
"""So long an agent may take to serve once its allocation runs; the link tries again after that."""
OpenSession = Callable[[ServerSpec, ClusterSpec, bool], Session]
MakeLink = Callable[[ServerSpec, ClusterSpec], "WorkerLink"]
"""Takes a worker, and the cluster by whose SSH configuration it is reached."""


@dataclass(frozen=True)
class RunName:
    """What agents know a start of a run by."""

    run_id: str
    epoch: int
    """Number of the start: agents refuse an older one."""


def open_session(server: ServerSpec, cluster: ClusterSpec, in_terminal: bool = False) -> Session:
    """Return an unconnected session to a worker."""
    if server.is_here:
        return LocalSession(server.name, in_terminal=in_terminal)
    # What it needs takes a third of a command's time to start, which runs on this machine alone do not owe.
    from master.adapters.ssh_session import SshSession

    return SshSession(server, cluster)


def python_of(server: ServerSpec) -> str:
    """Return the interpreter for a worker's agent and jobs, as a command in the home directory."""
    python = server.python or (sys.executable if server.is_here else "python3")
    return "./" + python[2:] if python.startswith("~/") else python


def worker_run_id(run_id: str, server: ServerSpec) -> str:
    """Each entry of the cluster config has an agent of its own, also where two name one machine."""
    return f"{run_id}-{tagged_hash('worker', server.name)[:8]}"


def link_maker(
    name: RunName,
    inbox: Inbox,
    connect: OpenSession = open_session,
    in_terminal: bool = False,
    meet: Callable[[str], Peering] | None = None,
) -> MakeLink:
    """Return what makes links, not started, to workers; `in_terminal` gives jobs our terminal.

    `meet` tells by name who a worker is to the others; None where they have nothing to do with each other.
    """
    from master.adapters.agent_client import Greeting, WorkerLink  # a look at workers does without links

    bundle = build_agent()

    def link(server: ServerSpec, cluster: ClusterSpec) -> WorkerLink:
        command = _agent_command(server, bundle, worker_run_id(name.run_id, server), in_terminal)
        hello = _hello(server, name)
        greeting = Greeting(
            *(server.name, lambda: connect(server, cluster, in_terminal), command, hello),
            secrets=server.secrets,
            meet=meet,
        )
        return WorkerLink(greeting, inbox)

    return link


def _agent_command(
    server: ServerSpec, bundle: AgentBundle, run_id: str, in_terminal: bool
) -> Callable[[Session], list[str]]:
    """Return what brings the agent to a worker, and tells the command that connects to it."""
    python = python_of(server)

    def deploy(session: Session) -> list[str]:
        path = deploy_agent(session, bundle, python, server.state_dir, rsync=not server.is_here)
        in_home = "./" + path[2:] if path.startswith("~/") else path
        return [
            *(python, *ISOLATED, in_home, "connect", "--state-dir", server.state_dir),
            *("--run-id", run_id, "--digest", bundle.digest),
            *(["--in-terminal"] if in_terminal else []),
            *(["--place", server.name, "--no-start", "--wait", f"{AGENT_S:g}"] if server.pool else []),
        ]

    return deploy


def _hello(server: ServerSpec, name: RunName) -> msg.Hello:
    run_id = worker_run_id(name.run_id, server)
    settings = replace(server.agent, secrets=sorted(server.secrets))
    return msg.Hello(msg.PROTOCOL, run_id, name.epoch, settings)
