"""What an agent makes of the spool of an earlier one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from worker_agent.core import commands as cmd
from worker_agent.core import transitions
from worker_agent.core.execution import Exit
from worker_agent.core.state import Phase
from worker_agent.executors.adopted import Adopted
from worker_agent.protocol.events import Event, EventKind, Running, Ticks
from worker_agent.protocol.messages import Ack, Launch, Release, Settings
from worker_agent.protocol.outcome import Finished, Outcome
from worker_agent.runtime import recovery
from worker_agent.runtime.spool import Met, Spool, Stopping
from worker_agent.system import exits
from worker_agent.system.processes import Process

LAUNCH = Launch("a", 1, 2, ["x"])
MET = Met(1, "boot", Settings(), "/w")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spool.jsonl"


def open_spool(path: Path) -> Spool:
    return Spool(path, lambda text: pytest.fail(text))


def test_an_agent_that_nobody_was_before_begins_with_number_one(path: Path) -> None:
    spool = open_spool(path)
    state = recovery.restore(spool.memory)
    recovery.report_lost(state, spool, "boot", 1.0)
    assert (state.seq, state.outbox) == (0, [])
    spool.close()


def test_what_was_under_way_is_lost_under_numbers_that_nothing_had(path: Path) -> None:
    spool = open_spool(path)
    spool.put(MET)
    spool.put(LAUNCH)
    spool.put(Event(1, EventKind.RUNNING, "a", 1, 5.0, Running("cpu0", 7, Ticks(5, 6))))
    state = recovery.restore(spool.memory)
    assert state.attempts["a", 1].started_at == 5.0
    recovery.report_lost(state, spool, "boot", 9.0)
    (record,) = state.outbox
    assert isinstance(record, cmd.Record)
    event = record.event
    assert (event.seq, event.kind, event.at) == (10_002, EventKind.FINISHED, 9.0)
    assert isinstance(event.detail, Finished) and event.detail.outcome is Outcome.LOST
    assert "the agent was ended" in str(event.detail.error)
    spool.close()


def test_a_restart_of_the_machine_is_told(path: Path) -> None:
    spool = open_spool(path)
    spool.put(MET)
    spool.put(LAUNCH)
    state = recovery.restore(spool.memory)
    recovery.report_lost(state, spool, "another boot", 9.0)
    (record,) = state.outbox
    assert isinstance(record, cmd.Record)
    assert isinstance(record.event.detail, Finished)
    assert record.event.detail.error == "the worker was restarted"
    spool.close()


def test_no_agent_gives_numbers_again_that_the_last_one_could_not_write(path: Path) -> None:
    first = open_spool(path)
    first.put(MET)
    first.close()
    seen = []
    for _ in range(3):
        spool = open_spool(path)
        state = recovery.restore(spool.memory)
        recovery.report_lost(state, spool, "boot", 1.0)
        spool.close()
        seen.append(state.seq)
    assert seen == [10_000, 20_000, 30_000]


def test_an_agent_whose_predecessor_told_all_leaves_when_it_is_told_to(path: Path) -> None:
    spool = open_spool(path)
    spool.put(MET)
    spool.put(LAUNCH)
    spool.put(Event(1, EventKind.FINISHED, "a", 1, 5.0, Finished(Outcome.FAILED)))
    spool.put(Ack(1))
    state = recovery.restore(spool.memory)
    assert state.attempts["a", 1].phase is Phase.FINISHED
    recovery.report_lost(state, spool, "boot", 9.0)
    transitions.on_release(state, Release("a", 1))
    state.outbox.clear()
    transitions.on_shutdown(state)
    assert state.outbox == [cmd.Leave()]
    spool.close()


def test_an_agent_does_not_leave_before_what_its_predecessor_told_is_acknowledged(path: Path) -> None:
    spool = open_spool(path)
    spool.put(MET)
    spool.put(Event(1, EventKind.FINISHED, "a", 1, 5.0, Finished(Outcome.FAILED)))
    state = recovery.restore(spool.memory)
    recovery.report_lost(state, spool, "boot", 9.0)
    transitions.on_shutdown(state)
    assert state.outbox == []
    transitions.on_ack(state, Ack(1))
    assert state.outbox == [cmd.KeepAck(1), cmd.Leave()]
    spool.close()


def test_directories_of_unknown_attempts_are_found(path: Path, tmp_path: Path) -> None:
    spool = open_spool(path)
    spool.put(replace(MET, work_dir=str(tmp_path)))
    spool.put(LAUNCH)
    attempts = tmp_path / "runs" / "r1" / "attempts"
    for name in ("a.1", "b.1"):
        (attempts / name).mkdir(parents=True)
    assert list(recovery.unknown_attempts(spool.memory, "r1")) == [attempts / "b.1"]
    assert list(recovery.unknown_attempts(spool.memory, "r2")) == []
    spool.close()


@pytest.mark.parametrize(
    ("executor", "boot", "seen", "is_adopted"),
    [
        ("process", "boot", 6, True),
        ("warm", "boot", 5, True),
        ("thread", "boot", 6, False),
        ("inline", "boot", 6, False),
        ("process", "another boot", 6, False),
        ("process", "boot", 8, False),
        ("process", "boot", None, False),
    ],
)
def test_an_attempt_is_adopted_where_somebody_saw_its_own_process(
    path: Path, executor: str, boot: str, seen: int | None, is_adopted: bool
) -> None:
    spool = open_spool(path)
    spool.put(MET)
    spool.put(replace(LAUNCH, executor=executor))
    spool.put(Event(1, EventKind.RUNNING, "a", 1, 5.0, Running("cpu0", 2**22 + 1, Ticks(5, 6))))
    exits_path = path.with_name("exits.jsonl")
    if seen is not None:
        exits.note(exits_path, exits.Ended(2**22 + 1, seen, 9, 0, 0))
    kept = recovery.left_behind(spool.memory, "r1", boot, exits_path)
    assert [attempt.key for attempt in kept] == ([("a", 1)] if is_adopted else [])
    state = recovery.restore(spool.memory)
    for attempt in kept:
        recovery.resume(state, spool.memory, attempt, 5.0)
    recovery.report_lost(state, spool, boot, 9.0)
    assert [type(item) for item in state.outbox] == ([] if is_adopted else [cmd.Record])
    assert state.slots == ({"cpu0": ("a", 1)} if is_adopted else {})
    spool.close()


@pytest.mark.parametrize(("verdict", "at_once"), [(Outcome.CANCELLED, False), (Outcome.OVER_LIMIT, True)])
def test_an_attempt_that_was_being_stopped_is_stopped_by_the_next_agent_and_has_not_failed(
    path: Path, verdict: Outcome, at_once: bool
) -> None:
    spool = open_spool(path)
    spool.put(MET)
    spool.put(LAUNCH)
    spool.put(Event(1, EventKind.RUNNING, "a", 1, 5.0, Running("cpu0", 7, Ticks(5, 6))))
    spool.put(Stopping("a", 1, verdict, "too much"))
    spool.close()
    spool = open_spool(path)
    state = recovery.restore(spool.memory)
    recovery.resume(state, spool.memory, Adopted(("a", 1), 7, 5, b""), 5.0)
    assert state.outbox == [cmd.Stop(("a", 1), at_once)]
    done = Exit(("a", 1), -15, None, 1.0)
    transitions.on_exit(state, done, 6.0)
    transitions.on_collected(state, done, cmd.Collected(), 6.0)
    ends = [item.event.detail for item in state.outbox if isinstance(item, cmd.Record)]
    assert [end.outcome for end in ends if isinstance(end, Finished)] == [verdict]
    spool.close()


@pytest.mark.parametrize("is_kept", [True, False])
def test_what_still_runs_is_adopted_where_somebody_will_see_how_it_ends(
    path: Path, monkeypatch: pytest.MonkeyPatch, is_kept: bool
) -> None:
    monkeypatch.setattr(recovery, "is_kept", lambda pid: is_kept)
    monkeypatch.setattr(recovery.processes, "read_process", lambda pid: Process(pid, "S", pid, pid, 5))
    spool = open_spool(path)
    spool.put(MET)
    spool.put(LAUNCH)
    spool.put(Event(1, EventKind.RUNNING, "a", 1, 5.0, Running("cpu0", 7, Ticks(5, 6))))
    kept = recovery.left_behind(spool.memory, "r1", "boot", path.with_name("exits.jsonl"))
    assert [attempt.key for attempt in kept] == ([("a", 1)] if is_kept else [])
    spool.close()


@pytest.mark.parametrize("jump_s", [-3600.0, 0.0, 3600.0])
def test_how_long_an_attempt_has_run_is_not_told_by_a_clock_that_was_set(
    monkeypatch: pytest.MonkeyPatch, jump_s: float
) -> None:
    per_s = recovery.processes.TICKS_PER_S
    monkeypatch.setattr(recovery.processes, "ticks", lambda: 70 * per_s)
    started = Event(1, EventKind.RUNNING, "a", 1, 1000.0, Running("cpu0", 7, Ticks(9 * per_s, 10 * per_s)))
    now = 1060.0 + jump_s
    assert recovery.began_at(started, now) == pytest.approx(now - 60.0)


def test_an_end_that_was_acknowledged_is_told_from_one_that_will_be_said_again(path: Path) -> None:
    spool = open_spool(path)
    spool.put(MET)
    for number, job_id in enumerate(("a", "b", "c"), 1):
        spool.put(replace(LAUNCH, job_id=job_id))
        if job_id != "c":
            end = Finished(Outcome.SUCCEEDED)
            spool.put(Event(number, EventKind.FINISHED, job_id, 1, 5.0, end))
    spool.put(Ack(1))
    state = recovery.restore(spool.memory)
    assert recovery.ended_and_told(state, spool.memory) == [("a", 1)]
    assert recovery.ended_and_told(state, spool.memory, {("a", 1)}) == [], "it is told again"
    spool.close()


def test_ends_are_kept_until_the_outcome_is_spooled(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    exits_path = path.with_name("exits.jsonl")
    monkeypatch.setattr(exits, "_MANY_BYTES", 100)
    spool = open_spool(path)
    spool.put(MET)
    for number, name in enumerate("ab"):
        spool.put(replace(LAUNCH, job_id=name))
        spool.put(Event(number, EventKind.RUNNING, name, 1, 5.0, Running("cpu0", 7 + number, Ticks(5, 6))))
        exits.note(exits_path, exits.Ended(7 + number, 5, 9, 0, 0))
    spool.put(Event(9, EventKind.FINISHED, "a", 1, 6.0, Finished(Outcome.FAILED)))
    monkeypatch.setattr(spool, "write", lambda: False)
    recovery.forget_ends(spool, exits.OwnEnds(exits_path))
    assert len(exits.read(exits_path)) == 2
    monkeypatch.undo()
    monkeypatch.setattr(exits, "_MANY_BYTES", 100)
    recovery.forget_ends(spool, exits.OwnEnds(exits_path))
    assert list(exits.read(exits_path)) == [(8, 5)]
    spool.close()


def test_what_was_under_way_in_an_earlier_allocation_is_evicted(path: Path) -> None:
    spool = open_spool(path)
    spool.put(MET)
    spool.put(LAUNCH)
    spool.put(Event(1, EventKind.RUNNING, "a", 1, 5.0, Running("cpu0", 7, Ticks(5, 6))))
    state = recovery.restore(spool.memory)
    recovery.report_lost(state, spool, "another boot", 9.0, in_allocation=True)
    (record,) = state.outbox
    assert isinstance(record, cmd.Record) and isinstance(record.event.detail, Finished)
    assert record.event.detail.outcome is Outcome.EVICTED
    assert record.event.detail.error == "its allocation ended without notice"
    spool.close()
