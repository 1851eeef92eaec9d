"""Journals of runs as large as one likes, written without running anything."""

from __future__ import annotations

import random
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from master.core.explaining.planned import plan_record
from master.core.planning.plan import Plan, make_plan
from master.core.running.commands import Transition
from master.core.running.lifecycle import State, Trigger
from master.specs import BaseModelSpec, JobSpec, JobsSpec
from master.storage.journal import Journal
from master.storage.run_layout import RunLayout
from tests.support.endings import finished

WORKERS, SLOTS = 8, 4
_LRS, _WIDTHS, _BASES = (0.1, 0.03, 0.01, 0.003), (64, 128, 256, 512, 1024), 5
_FAILS, _STARTED = 0.05, 0.9
"""Shares of the jobs."""
_BATCH = 5000
_WORDS = ("loss is nan", "CUDA out of memory", "no such column")


def sweep(jobs: int) -> JobsSpec:
    """Return a sweep of so many experiments, from a few base models."""
    bases = [BaseModelSpec(f"{n:x}" * 32, {"width": width}) for n, width in enumerate(_WIDTHS[:_BASES])]
    cells = [(seed, lr, n) for seed in range(jobs // 20 + 1) for lr in _LRS for n in range(_BASES)][:jobs]
    specs = tuple(
        JobSpec(
            job_id=f"alpha/lr={lr}_width={_WIDTHS[n]}_seed={seed}",
            job_hash=f"{seed}-{lr}-{n}",
            config={"lr": lr, "width": _WIDTHS[n], "seed": seed},
            place=f"job {seed}",
            base_model=bases[n],
        )
        for seed, lr, n in cells
    )
    return JobsSpec(specs, "jobs.json", {base.spec_hash: base for base in bases})


def begun(layout: RunLayout, spec: JobsSpec) -> Plan:
    """Write what a start had to do, and return it; the base models are in the store."""
    plan = make_plan(spec, dict.fromkeys(spec.base_models, "f" * 64))
    with closing(Journal(layout.journal, "benchmark")) as journal:
        journal.remember_jobs(
            {job.job_hash: job.job_id for job in spec.jobs}, {job.job_hash: job.config for job in spec.jobs}
        )
        journal.remember_plan(plan_record(plan, spec.base_models))
    return plan


def written(folder: Path, jobs: int) -> RunLayout:
    """Write a run of which nine in ten jobs have ended or run, in a day on some workers."""
    layout, chance = RunLayout(folder), random.Random(jobs)
    spec = sweep(jobs)
    begun(layout, spec)
    now = time.time()
    step = 86_400 / max(1, jobs * _STARTED)
    began = [now - 86_400 + n * step for n in range(int(jobs * _STARTED))]
    length = step * WORKERS * SLOTS * 0.9
    moves = [
        move
        for n, (job, at) in enumerate(zip(spec.jobs, began, strict=False))
        for move in _life(job.job_id, at, length, now, f"lab{n % WORKERS}", chance)
    ]
    moves.sort(key=lambda move: move.at)
    with closing(Journal(layout.journal)) as journal:
        for first in range(0, len(moves), _BATCH):
            journal.append(moves[first : first + _BATCH])
    return layout


def _life(
    job_id: str, at: float, length: float, now: float, worker: str, chance: random.Random
) -> list[Transition]:
    def moved(when: float, trigger: Trigger, state: State, **more: Any) -> Transition:
        return Transition(when, job_id, trigger, state, attempt=1, worker=worker, **more)

    found = [moved(at, Trigger.ASSIGN, State.ASSIGNED), moved(at + 0.1, Trigger.START, State.RUNNING)]
    end = at + length * chance.uniform(0.5, 1.0)
    if end >= now:
        return found
    if chance.random() < _FAILS:
        words = f"{chance.choice(_WORDS)} {chance.randrange(100)}"
        how = finished("failed", duration_s=end - at, exit_code=1, stderr_tail=f"Traceback:\n{words}\n")
        return [*found, moved(end, Trigger.FAIL, State.FAILED, finished=how)]
    how = finished(duration_s=end - at, slot="gpu0")
    return [
        *found,
        moved(end, Trigger.FINISH, State.COLLECTING, finished=how),
        moved(end + 0.1, Trigger.COLLECT, State.SUCCEEDED, content_hash="f"),
    ]
