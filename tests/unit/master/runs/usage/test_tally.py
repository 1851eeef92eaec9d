"""Samples are counted to the phases that go on."""

from __future__ import annotations

from master.core.machine_use import gpu_utilization_percent
from master.runs.notices import Notices, Sampled
from master.runs.usage.tally import UsageTally
from tests.unit.master.core.running.stage import BASE, Stage, base, job
from worker_agent.protocol.reports import GpuUse, Usage


def sampled(worker: str, percent: float) -> Sampled:
    return Sampled(worker, Usage(gpus=[GpuUse(0, percent)]))


def test_a_phase_has_the_samples_from_its_first_attempt_to_its_last() -> None:
    stage = Stage(base(), job("job", needs="x"), workers=["w1"])
    tally = UsageTally(stage.state)
    notices = Notices([tally])

    def tell(percent: float) -> None:
        notices.tell(sampled("w1", percent))

    tell(1)
    stage.up("w1")
    stage.run_on("w1", BASE, 1)
    tell(80)
    assert not tally.used[2]
    stage.ended("w1", BASE, 1)
    stage.home(BASE, 1)
    tell(20)
    stage.ended("w1", "job", 1)
    stage.home("job", 1)
    tell(100)
    assert [gpu_utilization_percent(tally.used[phase]) for phase in (1, 2)] == [80.0, 20.0]


def test_a_worker_that_is_not_known_is_passed_over_before_anything_runs() -> None:
    tally = UsageTally(Stage(job("job"), workers=["w1"]).state)
    tally.take(sampled("w9", 5))
    assert tally.used == {1: {}, 2: {}}
