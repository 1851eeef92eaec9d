"""Which masters are received."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from worker_agent.core.state import AgentState
from worker_agent.environment.job_base import JobBase
from worker_agent.protocol.codec import MessageError
from worker_agent.protocol.events import Event, EventKind
from worker_agent.protocol.layout import StateLayout
from worker_agent.protocol.messages import PROTOCOL, Ack, AttemptKey, Hello, Launch, Settings
from worker_agent.protocol.outcome import Finished, Outcome
from worker_agent.runtime.connection.greeting import HostSettings, Identity, Reception
from worker_agent.runtime.recovery import restore
from worker_agent.runtime.spool import Met, Spool

LAUNCH = Launch("a", 1, 2, ["x"])
MET = Met(1, "boot", Settings(), "/w")
HELLO = Hello(PROTOCOL, "r1", 3, Settings(cpu_slots=2))


def reception(epoch: int = 3) -> Reception:
    identity = Identity(StateLayout(Path("/state"), "lab1", "r1"), "d", "boot")
    spool: Any = SimpleNamespace(memory=SimpleNamespace(epoch=epoch))
    unused: Any = None
    return Reception(identity, AgentState(), spool, unused, unused, unused)


@pytest.mark.parametrize("epoch", [0, 2, 3])
def test_a_master_that_is_no_older_than_the_last_one_is_received(epoch: int) -> None:
    assert reception(epoch).check(HELLO) == HELLO.settings


@pytest.mark.parametrize(
    ("hello", "why"),
    [
        (replace(HELLO, protocol=1), f"the agent speaks protocol {PROTOCOL}, the master 1"),
        (replace(HELLO, run_id="r2"), "this is the agent of run r1, not of r2"),
        (replace(HELLO, epoch=2), "a master of epoch 3 has been here; this one has 2"),
        (replace(HELLO, settings=Settings(cpu_slots=0)), "cpu_slots"),
    ],
)
def test_others_are_told_why_not(hello: Hello, why: str) -> None:
    with pytest.raises(MessageError) as caught:
        reception().check(hello)
    assert why in str(caught.value)


def test_what_waited_for_jobs_under_former_settings_is_deleted(tmp_path: Path) -> None:
    changed: list[Any] = []
    deleted: list[str] = []

    def change(context: Any) -> list[str]:
        changed.append(context)
        return ["/old/1", "/old/2"]

    host: Any = SimpleNamespace(change=change, bounds=SimpleNamespace(how="watched"))
    workers: Any = SimpleNamespace(delete=deleted.append)
    environments: Any = SimpleNamespace(base_of=lambda settings: JobBase({}, "/usr/bin/python3"))
    settings = HostSettings("r1", host, workers, environments)
    context = settings.apply(HELLO.settings, tmp_path, [])
    assert changed == [context] and context.settings == HELLO.settings
    assert deleted == ["/old/1", "/old/2"]


def test_an_end_that_is_told_again_is_not_told_as_past(tmp_path: Path) -> None:
    """Its master would give the attempt up before it hears that it succeeded."""
    spool = Spool(tmp_path / "spool.jsonl", print)
    spool.put(MET)
    spool.put(LAUNCH)
    spool.put(Event(1, EventKind.FINISHED, LAUNCH.job_id, LAUNCH.attempt, 5.0, Finished(Outcome.SUCCEEDED)))
    spool.put(Ack(1))
    state = restore(spool.memory)
    context = SimpleNamespace(
        devices={},
        is_complete=True,
        slots=1,
        cache=SimpleNamespace(contents=SimpleNamespace(hashes=list)),
        work_dir=tmp_path,
        facts=lambda reading: reading,
        gpu_bytes=list,
        settings=HELLO.settings,
    )
    fakes: Any = SimpleNamespace(
        devices=lambda settings: [],
        reading=None,
        look_at_locks=lambda: None,
        check=lambda devices: None,
        apply=lambda *how: context,
    )
    identity = Identity(StateLayout(tmp_path, "lab1", "r1"), "d", "boot")
    received = Reception(identity, state, spool, fakes, fakes, fakes)
    key = AttemptKey(LAUNCH.job_id, LAUNCH.attempt)
    assert received.admit(replace(HELLO, epoch=MET.epoch)).ended == [key], "the same master knows of it"
    assert received.admit(replace(HELLO, epoch=MET.epoch + 1)).ended == []
    spool.close()
