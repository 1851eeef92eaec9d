"""Commands and answers reach the one effect that handles them, and what goes wrong there is told."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.worker_agent.fakes import Locks, Records, Workers
from worker_agent.core import commands as cmd
from worker_agent.core import transitions
from worker_agent.core.excess import Aftermath
from worker_agent.core.execution import Exit
from worker_agent.core.shares import Device
from worker_agent.core.state import AgentState, Phase
from worker_agent.executors.base import Invocation
from worker_agent.limits.base import Held
from worker_agent.limits.watched import WatchedBounds
from worker_agent.protocol.events import Event, EventKind, Running, Ticks
from worker_agent.protocol.layout import AttemptLayout
from worker_agent.protocol.messages import Launch, Pong
from worker_agent.protocol.outcome import Finished, Outcome
from worker_agent.protocol.terms import JobLimits
from worker_agent.runtime.effects.artefacts import ArtefactEffects, Verified
from worker_agent.runtime.effects.limits import LimitEffects, within_limits
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
        cmd.KeepVerdict(("a", 1), Outcome.CANCELLED),
    ):
        table[type(item)](item)
    assert spool.kinds == ["launch", "event", "ack", "release", "stopping", "write"]
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
    assert effects.held_by_others("gpu0.m0-31") == {"gpu0": (1 << 32) - 1}
    locks.held_by_others["gpu0"] = 0b1
    assert effects.held_by_others("gpu0.m0-31") == {"gpu0": 0b1}
    effects.free(cmd.FreeSlot("gpu0"))
    assert locks.freed == ["gpu0"]


def test_work_before_a_master_came_is_a_mistake_of_ours() -> None:
    with pytest.raises(AssertionError, match="before any master came"):
        assert CurrentHost().context


def test_an_attempt_that_is_stopped_before_its_slot_is_known_to_be_taken_is_queued_again() -> None:
    state = AgentState(devices={"s1": Device("s1")})
    transitions.on_launch(state, Launch("a", 1, 2, ["x"]), 1.0)
    transitions.on_slot_taken(state, ("a", 1), {"s1": 1})
    assert state.attempts["a", 1].phase is Phase.QUEUED and state.others == {"s1": 1}


class Scopes(WatchedBounds):
    how, apart = "scope", "begins with a process"

    def command(self, argv: Sequence[str], limits: JobLimits) -> list[str]:
        return ["systemd-run", *argv]


@pytest.mark.parametrize(
    ("executor", "bounds", "argv", "apart"),
    [
        ("process", WatchedBounds(), ["x"], ""),
        ("process", Scopes(), ["systemd-run", "x"], ""),
        ("warm", WatchedBounds(), ["x"], ""),
        ("warm", Scopes(), ["systemd-run", "x"], "begins with a process"),
        ("thread", WatchedBounds(), ["x"], "cannot be told"),
        ("inline", WatchedBounds(), ["x"], ""),
    ],
)
def test_an_executor_that_cannot_bound_one_job_runs_it_as_a_process(
    executor: str, bounds: WatchedBounds, argv: list[str], apart: str
) -> None:
    asked = Invocation(["x"], {}, "/", "/log", executor=executor)
    limited = within_limits(asked, Launch("a", 1, 2, ["x"], executor=executor, limits=JobLimits(1)), bounds)
    assert limited.argv == argv and (apart in limited.apart) and bool(limited.apart) is bool(apart)
    assert within_limits(asked, Launch("a", 1, 2, ["x"], executor=executor), bounds) is asked


@pytest.mark.parametrize(("code", "refused"), [(1, "Failed to connect to bus: no"), (2, "")])
def test_what_systemd_refused_to_begin_is_read_of_its_log(tmp_path: Path, code: int, refused: str) -> None:
    state = AgentState(devices={"s1": Device("s1")})
    transitions.on_launch(state, Launch("a", 1, 2, ["x"], limits=JobLimits(1)), 1.0)
    layout = AttemptLayout(str(tmp_path))
    Path(layout.log_folder).mkdir(parents=True)
    Path(layout.log).write_text("Failed to connect to bus: no\n")
    watch: Any = SimpleNamespace(leave=lambda key, killed: Aftermath())
    effects = LimitEffects(state, host_of(attempt=lambda key: layout), watch, SimpleNamespace())  # type: ignore[arg-type]
    assert effects.ended(Exit(("a", 1), code, None, 1.0)).refused == refused


def test_limits_are_watched_from_start_to_end_and_a_kernel_that_will_not_is_told_once() -> None:
    state = AgentState(devices={"s1": Device("s1"), "s2": Device("s2"), "s3": Device("s3")})
    for name, limits in (("a", JobLimits(1)), ("b", JobLimits(1)), ("c", None)):
        transitions.on_launch(state, Launch(name, 1, 2, ["x"], limits=limits), 1.0)
    followed, said = list[Held](), list[Any]()
    ended = {True: Aftermath("over", machine_full=True), False: Aftermath()}

    def follow(held: Held, meter: object) -> str:
        followed.append(held)
        return "/sys: denied"

    watch: Any = SimpleNamespace(follow=follow, leave=lambda key, killed: ended[killed])
    host = host_of(attempt=lambda key: AttemptLayout("/x"))
    effects = LimitEffects(state, host, watch, SimpleNamespace(say=said.append))  # type: ignore[arg-type]
    for name in "abc":
        effects.follow((name, 1))
    assert [held.key for held in followed] == [("a", 1), ("b", 1)]
    (told,) = said
    assert told.notes == ["limits of jobs are watched only, for the kernel does not take them: /sys: denied"]
    killed, well = (Exit(("a", 1), code, None, 1.0) for code in (-9, 0))
    assert (effects.ended(killed).over_limit, effects.ended(well).over_limit) == ("over", "")
    assert effects.ended(killed).machine_full
    state.attempts["a", 1].verdict = Outcome.CANCELLED
    assert not effects.ended(killed).over_limit  # nobody asks what the kernel did to one that was ended here
    plain = Exit(("c", 1), -9, None, 1.0)
    assert effects.ended(plain) is plain
