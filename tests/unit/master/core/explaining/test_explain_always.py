"""In whole runs under random faults every job that has not ended has a cause, after every event."""

from __future__ import annotations

import pytest

from master.core.explaining.causes import Cause, Why
from master.core.explaining.explain import explain
from master.core.running import events as ev
from master.core.running.lifecycle import ENDED
from master.core.running.policy import Policy
from master.core.running.records import Outbox
from master.core.running.run_state import has_more_to_do
from master.view.answers.why import sentence
from tests.unit.master.core.running.agents import Chaos
from tests.unit.master.core.running.simulation import Simulation
from tests.unit.master.core.running.world import Scene


class Asked(Simulation):
    """A run that is asked for every cause after every event."""

    seen: set[Why]

    def _step(self, event: ev.Event) -> Outbox:
        out = super()._step(event)
        for job_id, record in self.state.jobs.items():
            cause = explain(self.state, job_id)
            assert (cause is None) == (record.state in ENDED)
            if cause is not None:
                self._check(cause)
        return out

    def _check(self, cause: Cause) -> None:
        self.seen.add(cause.why)
        assert sentence(cause, self.now)
        if cause.why is Why.IS_NEXT and not has_more_to_do(self.state):
            assert len(self.state.ready) > 1, "it has room, and nothing is before it"
        if cause.why is Why.GOES_ON:
            assert has_more_to_do(self.state) or self.state.finished
        if cause.why is Why.NO_ROOM:
            assert {each.worker for each in cause.hindrances} == set(self.state.workers)
        if cause.why in (Why.BACKS_OFF, Why.AWAITS_CHECKPOINT):
            assert cause.until is not None, "nothing would ever wake it"


@pytest.mark.parametrize("seed", range(6))
def test_every_job_that_has_not_ended_has_a_cause(seed: int) -> None:
    scene = Scene(
        workers=1 + seed % 5,
        slots=1 + seed % 3,
        jobs=20,
        bases=seed % 5,
        chaos=Chaos(worker_fault=0.1 * (seed % 2), damage_rate=1 / 100, crash_rate=1 / 200),
        policy=Policy(strict_phases=seed % 4 == 3, lease_s=60.0, give_up_s=3000.0),
        demanding=seed % 2 == 1,
    )
    Asked.seen = set()
    run = Asked(scene, seed)
    assert run.run() in (0, 1, 4)
    assert Why.RUNS in run.seen and Why.NO_ROOM in run.seen
