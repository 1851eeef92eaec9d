"""Counts by phase and the time that is left, of runs that the core itself has driven."""

from __future__ import annotations

from random import Random

import pytest

from master.core.running import events as ev
from master.core.running.commands import Transition
from master.core.running.forecast.tally import RECKONED_EVERY_S, Tally
from master.core.running.forecast.time_left import TimeLeft
from master.core.running.records import RunState
from master.core.running.summary import PhaseCounts
from tests.support.scripted_run import ScriptedRun, jobs_spec

IN_STORE = {"0" * 64: "content"}


class Recorder:
    """Keeps a tally by transitions alone, and all transitions."""

    def __init__(self) -> None:
        self.tally: Tally | None = None
        self.seen: list[Transition] = []

    def transition(self, transition: Transition, state: RunState) -> None:
        self.tally = self.tally or Tally.of(state, transition.at)
        self.tally.take(transition)
        self.seen.append(transition)


def counts_of(state: RunState, phase: int) -> PhaseCounts:
    return Tally.of(state, 0.0).phase(phase)


def left_of(recorder: Recorder, run: ScriptedRun, phase: int = 2, after_s: float = 0.0) -> TimeLeft | None:
    assert recorder.tally is not None
    recorder.tally._reckoned = None if not after_s else recorder.tally._reckoned
    return recorder.tally.time_left(run.state, run.at + after_s, Random(0).random)[phase]


def test_counts_follow_the_transitions() -> None:
    recorder = Recorder()
    run = ScriptedRun(jobs_spec(6, 2), ["w"], watcher=recorder)
    run.up("w", 4)
    run.start("0")
    run.succeed("0")
    run.fail("1", "no memory")
    run.start("job0")
    run.succeed("job0")
    run.start("job2")
    assert recorder.tally is not None
    assert recorder.tally.phase(1) == PhaseCounts(total=2, succeeded=1, failed=1)
    assert recorder.tally.phase(2) == PhaseCounts(total=6, succeeded=1, blocked=3, running=1)
    assert recorder.tally.phase(1) == counts_of(run.state, 1)
    assert recorder.tally.phase(2) == counts_of(run.state, 2)


def test_a_tally_takes_a_transition_only_once() -> None:
    recorder = Recorder()
    run = ScriptedRun(jobs_spec(1, 0), ["w"], watcher=recorder)
    run.up("w", 1)
    run.start("job0")
    run.succeed("job0")
    assert recorder.tally is not None
    recorder.tally.take(recorder.seen[-1])
    assert recorder.tally.phase(2) == PhaseCounts(total=1, succeeded=1)


def test_a_tally_passes_over_jobs_that_it_does_not_know() -> None:
    recorder = Recorder()
    run = ScriptedRun(jobs_spec(1, 0), ["w"], watcher=recorder)
    run.up("w", 1)
    other = Tally.of(ScriptedRun(jobs_spec(1, 1), ["w"], in_store=IN_STORE).state, 0.0)
    before = other.phase(2)
    other.states.clear()
    other.take(recorder.seen[-1])
    assert other.phase(2) == before


def test_a_job_that_joins_is_counted() -> None:
    run = ScriptedRun(jobs_spec(1, 0), ["w"])
    tally = Tally.of(run.state, run.at)
    other = ScriptedRun(jobs_spec(2, 0), ["w"])
    tally.add(other.job("job1"), run.at)
    assert tally.phase(2) == PhaseCounts(total=2)


def test_nothing_is_known_before_a_job_has_run() -> None:
    recorder = Recorder()
    run = ScriptedRun(jobs_spec(10, 0), ["w"], watcher=recorder)
    run.up("w", 1)
    assert left_of(recorder, run) is None


def test_time_left_goes_by_the_jobs_that_have_ended() -> None:
    recorder = Recorder()
    run = ScriptedRun(jobs_spec(10, 0), ["w"], watcher=recorder)
    run.up("w", 1)
    for number in range(5):
        run.start(f"job{number}")
        run.succeed(f"job{number}", seconds=10.0)
    left = left_of(recorder, run)
    assert left is not None and left.low_s < 50.0 < left.high_s
    assert left.middle_s == pytest.approx(50.0, rel=0.2)


def test_a_finished_phase_has_no_time_left_and_each_goes_by_its_own() -> None:
    recorder = Recorder()
    run = ScriptedRun(jobs_spec(8, 1), ["w"], watcher=recorder)
    run.up("w", 4)
    run.succeed("0", seconds=1000.0)
    for number in range(4):
        run.succeed(f"job{number}", seconds=8.0)
    assert left_of(recorder, run, 1) == TimeLeft(0.0, 0.0, 0.0)
    left = left_of(recorder, run, 2)
    assert left is not None and left.high_s < 60.0


def test_a_run_that_stops_has_no_time_left() -> None:
    recorder = Recorder()
    run = ScriptedRun(jobs_spec(2, 0), ["w"], watcher=recorder)
    run.up("w", 1)
    run.succeed("job0", seconds=10.0)
    assert left_of(recorder, run) is not None
    run.tell(ev.StopRequested(run.at))
    assert left_of(recorder, run) is None


def test_without_a_worker_nothing_is_known() -> None:
    recorder = Recorder()
    run = ScriptedRun(jobs_spec(3, 0), ["w"], watcher=recorder)
    run.up("w", 1)
    run.succeed("job0", seconds=10.0)
    run.succeed("job1", seconds=10.0)
    run.tell(ev.WorkerLost(run.at, "w", "reset"))
    recorder.tally = Tally.of(run.state, run.at)
    recorder.tally.ahead.running.clear()
    assert left_of(recorder, run) is None


def test_between_two_reckonings_time_passes() -> None:
    recorder = Recorder()
    run = ScriptedRun(jobs_spec(9, 0), ["w"], watcher=recorder)
    run.up("w", 1)
    for number in range(3):
        run.succeed(f"job{number}", seconds=10.0)
    before = left_of(recorder, run)
    after = left_of(recorder, run, after_s=RECKONED_EVERY_S / 2)
    assert before is not None and after is not None
    assert after.middle_s == pytest.approx(before.middle_s - RECKONED_EVERY_S / 2)
