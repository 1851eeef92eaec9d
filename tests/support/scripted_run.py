"""A run whose events a test tells one by one, driven by the real core, shown to a view if there is one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from master.core.planning.plan import base_model_job_id, make_plan
from master.core.running import events as ev
from master.core.running.commands import Transition
from master.core.running.policy import Policy
from master.core.running.records import JobRecord, Outbox, RunState
from master.core.running.run_state import begin, step
from master.specs import BaseModelSpec, JobSpec, JobsSpec
from tests.support.endings import finished


class Watcher(Protocol):
    """What hears of each transition, such as a view."""

    def transition(self, transition: Transition, state: RunState) -> None: ...


def jobs_spec(experiments: int, base_models: int) -> JobsSpec:
    """Return experiments `alpha/job0`, … that take base models in turn, or need none if there are none."""
    bases = [BaseModelSpec(f"{n:x}" * 64, {"model": "cnn", "lr": n + 1}) for n in range(base_models)]
    jobs = tuple(
        JobSpec(
            job_id=f"alpha/job{number}",
            job_hash=f"hash{number}",
            config={"fold": number, "participants": ["p1", "p2"]},
            place=f"job {number + 1}",
            base_model=bases[number % base_models] if bases else None,
        )
        for number in range(experiments)
    )
    return JobsSpec(jobs, "jobs.json", {base.spec_hash: base for base in bases})


@dataclass
class ScriptedRun:
    """Events in, transitions to the watcher; `at` is the time of the next event."""

    jobs: JobsSpec
    workers: list[str]
    in_store: dict[str, str] = field(default_factory=dict)
    policy: Policy = field(default_factory=lambda: Policy(retries=0))
    watcher: Watcher | None = None
    at: float = 1000.0

    def __post_init__(self) -> None:
        self.state = RunState.fresh(make_plan(self.jobs, self.in_store), self.policy, self.workers)
        self._heed(begin(self.state, self.at))

    def _heed(self, outbox: Outbox) -> None:
        for transition in outbox.transitions:
            if self.watcher:
                self.watcher.transition(transition, self.state)

    def tell(self, event: ev.Event) -> None:
        """Give the core an event."""
        self._heed(step(self.state, event))

    def up(self, worker: str, slots: int) -> None:
        self.tell(ev.WorkerUp(self.at, worker, slots))

    def job(self, name: str) -> JobRecord:
        """Return the experiment `alpha/<name>`, or the base model whose hash consists of the digit `name`."""
        return self.state.jobs[base_model_job_id(name * 64) if len(name) == 1 else f"alpha/{name}"]

    def start(self, name: str) -> None:
        record = self.job(name)
        assert record.worker is not None, f"{name} is {record.state}"
        self.tell(ev.AttemptStarted(self.at, record.worker, *record.key))

    def succeed(
        self, name: str, seconds: float = 10.0, slot: str = "gpu0", *, files: bool = True, **detail: Any
    ) -> None:
        """End the current attempt well after `seconds`, and bring its outcome home, of `files` or of none."""
        key = self.job(name).key
        self._finish(name, "succeeded", seconds, {"exit_code": 0, "slot": slot, **detail})
        self.tell(ev.Collected(self.at, *key, content_hash=f"content of {name}" if files else ""))

    def fail(self, name: str, error: str, seconds: float = 10.0, **detail: Any) -> None:
        """End the current attempt with exit code 1 after `seconds`."""
        self._finish(name, "failed", seconds, {"exit_code": 1, "slot": "gpu0", "error": error, **detail})

    def _finish(self, name: str, outcome: str, seconds: float, detail: dict[str, Any]) -> None:
        record = self.job(name)
        assert record.worker is not None, f"{name} is {record.state}"
        times = {"started_at": self.at, "duration_s": seconds}
        self.at += seconds
        end = finished(outcome, **{**times, **detail})
        self.tell(ev.AttemptFinished(self.at, record.worker, *record.key, end))
