"""Commands and answers reach the one effect that handles them, and what goes wrong there is told."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.worker_agent.fakes import Locks, Records, Workers
from worker_agent.core import commands as cmd
from worker_agent.core import transitions
from worker_agent.core.shares import Device
from worker_agent.core.state import AgentState, Phase
from worker_agent.protocol.events import Event, EventKind, Running, Ticks
from worker_agent.protocol.messages import Launch, Pong
from worker_agent.protocol.outcome import Finished, Outcome
from worker_agent.runtime.effects.artefacts import ArtefactEffects, Verified
from worker_agent.runtime.effects.records import RecordEffects
from worker_agent.runtime.effects.slots import SlotEffects
from worker_agent.runtime.effects.table import Effects
from worker_agent.runtime.host_context import CurrentHost

H1 = "1" * 64


def test_what_comes_of_a_command_is_handled_too() -> None:
    state, said, done = AgentState(), list[Any](), list[Any]()

    def free(item: cmd.FreeSlot) -> None:
        done.append(item)
        state.outbox.append(cmd.Send(Pong(1)))

    master: Any = SimpleNamespace(say=said.append)
    effects = Effects(state, Workers(), master, {cmd.FreeSlot: free})  # type: ignore[arg-type]
    state.outbox.append(cmd.FreeSlot("s"))
    effects.execute()
    assert (done, said, state.outbox) == ([cmd.FreeSlot("s")], [Pong(1)], [])
    assert not effects.left
    effects.handle(cmd.Leave())
    assert effects.left


def test_a_command_has_one_effect() -> None:
    table = {cmd.FreeSlot: print}
    with pytest.raises(AssertionError, match="two effects for FreeSlot"):
        Effects(AgentState(), Workers(), SimpleNamespace(), table, table)  # type: ignore[arg-type]


def test_answers_of_threads_are_handled() -> None:
    workers, got = Workers(), list[object]()
    effects = Effects(AgentState(), workers, SimpleNamespace(), {str: got.append})  # type: ignore[arg-type]
    workers.hash(lambda: "one")
    workers.hash(lambda: "two")
    effects.take_answers()
    assert got == ["one", "two"]


def test_every_command_of_the_core_is_spooled_under_its_kind() -> None:
    spool, workers = Records(), Workers()
    effects = RecordEffects(spool, workers)  # type: ignore[arg-type]
    table = effects.table()
    for item in (
        cmd.KeepLaunch(Launch("a", 1, 2, ["x"])),
        cmd.Record(Event(1, EventKind.RUNNING, "a", 1, 0.0, Running("cpu0", 7, Ticks(5, 6)))),
        cmd.KeepAck(1),
        cmd.KeepRelease(("a", 1)),
    ):
        table[type(item)](item)
    assert spool.kinds == ["launch", "event", "ack", "release"]
    effects.write()
    assert not workers.synced


def test_an_outcome_is_made_durable_once_it_is_written() -> None:
    spool, workers = Records(), Workers()
    effects = RecordEffects(spool, workers)  # type: ignore[arg-type]
    effects.record(cmd.Record(Event(1, EventKind.FINISHED, "a", 1, 0.0, Finished(Outcome.FAILED))))
    spool.failure = "the disk is full"
    effects.write()
    assert not workers.synced
    spool.failure = None
    effects.write()
    effects.write()
    assert workers.synced == [spool.sync]


def host_of(**parts: Any) -> Any:
    return SimpleNamespace(context=SimpleNamespace(**parts), opened=None)


def test_a_check_that_fails_is_what_is_wrong_with_the_artefact() -> None:
    def check(name: str) -> str:
        raise RuntimeError(f"no memory for {name[0]}")

    state, workers = AgentState(), Workers()
    host = host_of(cache=SimpleNamespace(verify_delivered=check))
    collector: Any = SimpleNamespace(on_listed=None, on_cleaned=None)
    effects = ArtefactEffects(state, host, collector, workers, lambda: 1.0)  # type: ignore[arg-type]
    effects.verify(cmd.Verify(H1, delivered=True))
    (answer,) = workers.answers()
    assert answer == Verified(H1, "cannot be checked: no memory for 1", True)
    effects.make_room()


def test_what_an_attempt_of_an_earlier_agent_uses_is_leased_anew() -> None:
    leased = list[str]()
    collector: Any = SimpleNamespace(lease=lambda cache, name: leased.append(name))
    host = host_of(cache=SimpleNamespace(status=lambda name: "present"))
    effects = ArtefactEffects(AgentState(), host, collector, Workers(), lambda: 1.0)  # type: ignore[arg-type]
    effects.keep([H1, "2" * 64])
    assert leased == [H1, "2" * 64]


def test_a_slot_whose_lock_cannot_be_opened_is_taken_by_somebody(capfd: pytest.CaptureFixture[str]) -> None:
    device = Device("gpu0", 64, 32)
    state = AgentState(devices={"gpu0": device})
    gpus: Any = SimpleNamespace(on_read=None)
    locks = Locks()
    effects = SlotEffects(state, host_of(devices={"gpu0": device}), locks, gpus)  # type: ignore[arg-type]
    assert effects.take("gpu0.m0-31") is None
    assert "cannot lock slot gpu0.m0-31" in capfd.readouterr().err
    assert effects.held_by_others("gpu0.m0-31") == (1 << 32) - 1
    locks.held_by_others["gpu0"] = 0b1
    assert effects.held_by_others("gpu0.m0-31") == 0b1
    effects.free(cmd.FreeSlot("gpu0"))
    assert locks.freed == ["gpu0"]


def test_work_before_a_master_came_is_a_mistake_of_ours() -> None:
    with pytest.raises(AssertionError, match="before any master came"):
        assert CurrentHost().context


def test_an_attempt_that_is_stopped_before_its_slot_is_known_to_be_taken_is_queued_again() -> None:
    state = AgentState(devices={"s1": Device("s1")})
    transitions.on_launch(state, Launch("a", 1, 2, ["x"]), 1.0)
    transitions.on_slot_taken(state, ("a", 1), 1)
    assert state.attempts["a", 1].phase is Phase.QUEUED and state.others == {"s1": 1}
