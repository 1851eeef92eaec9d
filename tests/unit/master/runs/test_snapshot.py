"""A snapshot says what the state says, however it came to be."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from master.core.running import summary
from master.core.running.forecast.tally import Tally
from master.core.running.lifecycle import State
from master.core.running.records import Outbox, RunState
from master.core.running.summary import base_model_rows, job_rows
from master.runs import snapshot as snapshot_module
from master.runs.snapshot import SharedState
from tests.support.scripted_run import ScriptedRun, jobs_spec
from tests.unit.master.core.running.agents import Chaos
from tests.unit.master.core.running.simulation import Simulation
from tests.unit.master.core.running.world import Scene


def check(shared: SharedState, state: RunState) -> None:
    """Assert that a snapshot is what a look at the whole state gives."""
    found, tally = shared.snapshot(), Tally.of(state, 0.0)
    assert list(found.jobs) == job_rows(state, phase=2)
    assert list(found.base_models) == base_model_rows(state)
    assert found.counts == {phase: tally.phase(phase) for phase in (1, 2)}
    assert [row.name for row in found.workers] == list(state.workers)


class Watched(Simulation):
    """A simulated run that somebody looks at, now and then."""

    shared: SharedState | None = None

    def _note(self, out: Outbox) -> None:
        super()._note(out)
        if self.shared is None or self.shared.state is not self.state:
            self.shared = SharedState(self.state)
        self.shared.changed(out.transitions)

    def _carry_out(self, outboxes: Iterable[Outbox]) -> None:
        super()._carry_out(outboxes)
        if self.shared and self.random.random() < 0.2:
            check(self.shared, self.state)


@pytest.mark.parametrize("seed", range(4))
def test_looks_at_a_stormy_run_tell_the_truth(seed: int) -> None:
    chaos = Chaos(fail=0.1, break_rate=1 / 40, message_loss=0.05, damage_rate=1 / 100, crash_rate=1 / 150)
    run = Watched(Scene(workers=4, slots=2, jobs=30, bases=4, chaos=chaos), seed)
    run.run()
    assert run.shared
    check(run.shared, run.state)


def test_only_what_has_changed_is_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    class Watcher:
        def transition(self, transition: summary.Transition, state: RunState) -> None:
            if shared:
                shared[0].changed([transition])

    made: list[str] = []
    shared: list[SharedState] = []
    run = ScriptedRun(jobs_spec(50, 0), ["lab1"], watcher=Watcher())
    shared.append(SharedState(run.state))

    def counted(record: summary.JobRecord) -> summary.JobRow:
        made.append(record.job.job_id)
        return summary.job_row(record)

    monkeypatch.setattr(snapshot_module, "job_row", counted)
    run.up("lab1", 1)
    assert made == []
    shared[0].snapshot()
    assert len(made) == 50
    run.start("job0")
    first = shared[0].snapshot()
    assert made[50:] == ["alpha/job0"]
    assert first.jobs[0].state is State.RUNNING
    run.succeed("job0")
    shared[0].snapshot()
    assert set(made[51:]) == {"alpha/job0", "alpha/job1"}
    assert first.jobs[0].state is State.RUNNING, "a snapshot stays what it was"
