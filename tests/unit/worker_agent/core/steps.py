"""Launches, agents and their outboxes, for the tests of the agent's decisions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from worker_agent.core import commands as cmd
from worker_agent.core import transitions
from worker_agent.core.execution import Exit
from worker_agent.core.shares import Device
from worker_agent.core.state import AgentState
from worker_agent.protocol import messages as msg
from worker_agent.protocol.events import Ticks

H1, H2 = "1" * 64, "2" * 64
TICKS = Ticks(5, 6)


def launch(job_id: str = "a", attempt: int = 1, **more: Any) -> msg.Launch:
    """Return a launch of Phase 2 that needs nothing, but for what is said."""
    return msg.Launch(job_id, attempt, more.pop("phase", 2), more.pop("argv", ["x"]), **more)


def needing(job_id: str, *hashes: str) -> msg.Launch:
    """Return a launch that mounts these artefacts."""
    return launch(job_id, mounts=[msg.Mount(f"m{index}", artefact=name) for index, name in enumerate(hashes)])


def agent(*slots: str) -> AgentState:
    """Return an agent with these slots and nothing to do."""
    return AgentState(devices={name: Device(name) for name in slots})


def drained(state: AgentState) -> list[Any]:
    """Take what is in the outbox."""
    found, state.outbox = state.outbox, []
    return found


def brief(items: list[Any]) -> list[str]:
    """Say of each command what matters, in a word or two."""
    return [_word(item) for item in items]


def _word(item: Any) -> str:
    words: dict[type, Callable[[Any], str]] = {
        cmd.Record: lambda x: (
            f"{x.event.kind} {x.event.job_id} {getattr(x.event.detail, 'outcome', '')}".strip()
        ),
        cmd.KeepLaunch: lambda x: f"keep {x.launch.job_id}",
        cmd.KeepAck: lambda x: f"acked {x.seq}",
        cmd.KeepRelease: lambda x: f"released {x.key[0]}",
        cmd.KeepVerdict: lambda x: f"verdict {x.key[0]} {x.verdict}",
        cmd.Discard: lambda x: f"discard {x.key[0]}",
        cmd.Look: lambda x: f"look {x.content_hash[0]}",
        cmd.Verify: lambda x: f"verify {x.content_hash[0]} {'delivered' if x.delivered else 'cached'}",
        cmd.Borrow: lambda x: f"borrow {x.content_hash[0]}",
        cmd.Start: lambda x: f"start {x.launch.job_id} on {x.slot}",
        cmd.Stop: lambda x: f"stop {x.key[0]}",
        cmd.FreeSlot: lambda x: f"free {x.slot}",
        cmd.Drain: lambda x: f"drain {x.slot}",
        cmd.Collect: lambda x: f"collect {x.launch.job_id}",
        cmd.Leave: lambda x: "leave",
        cmd.Send: lambda x: f"send {x.message.type}",
    }
    return words[type(item)](item)


def run(state: AgentState, job_id: str = "a") -> None:
    """Let an attempt be started."""
    transitions.on_started(state, (job_id, 1), 1, TICKS, 10.0)
    drained(state)


def exited(job_id: str = "a", code: int = 0) -> Exit:
    """Return the end of an attempt."""
    return Exit((job_id, 1), code, 1024, 2.0)
