"""What the plan says of jobs that can train at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from master.core.planning.job_settings import FUSE
from master.core.planning.plan import Job, Plan
from master.core.planning.setting_kinds import FUSED_BY_ITSELF, NOT_FUSED
from master.core.planning.value_texts import value_text
from master.specs import Fused, JobsSpec

_MOST_NAMED = 6


def notes_on_fusing(jobs: JobsSpec, plan: Plan, executor: str | None = None) -> Iterator[str]:
    """Yield what becomes of jobs that could train at once; `executor` is what the command says runs them."""
    fused = next((job.fused for job in jobs.jobs), None)
    if fused is None:
        yield from _in_vain(jobs, executor)
        return
    stages = {spec_hash: base.stage for spec_hash, base in jobs.base_models.items()}
    called = {job.job_id: _called(job, stages) for job in plan.jobs}
    kinds = Counter((job.siblings, called[job.job_id]) for job in plan.jobs if job.siblings)
    for what in dict.fromkeys(what for _, what in kinds):
        sizes = [count for (_, of), count in kinds.items() if of == what and count > 1]
        if sizes:
            yield _told(
                sizes, what, max(job.most_together for job in plan.jobs if called[job.job_id] == what)
            )
    if kinds:
        yield f"fuse: what trains at once may differ in {_named(fused)}; `fuse: off` trains each alone"
        yield from _on_bits(fused)
    yield from _parted(jobs, fused)


def _called(job: Job, stages: Mapping[str, str]) -> str:
    """Return what jobs are called in a note: no training waits for those of its own generation."""
    if job.phase == 2:
        return "jobs"
    stage = stages.get(job.makes or "")
    return f"base models of the stage {stage}" if stage else "base models"


def _told(sizes: list[int], what: str, most: int) -> str:
    kinds = "" if len(sizes) == 1 else f", in {len(sizes)} kinds"
    at_most = f"up to {min(most, max(sizes))} in one process"
    return f"fuse: {sum(sizes)} {what} train at once where slots are few, {at_most}{kinds}"


def _on_bits(fused: Fused) -> Iterator[str]:
    """Yield how far what trains at once agrees with what trains alone."""
    where = {"cpu": "on a CPU", "gpu": "on a GPU"}
    rounded = [words for device, words in where.items() if device not in fused.same_bits]
    if rounded:
        told = " and ".join(rounded)
        yield f"fuse: {told} results agree with those of jobs alone to rounding; `fuse: off` gives equal bits"


def _named(fused: Fused) -> str:
    names = sorted(fused.may_differ)
    more = f" and {len(names) - _MOST_NAMED} more fields" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def _parted(jobs: JobsSpec, fused: Fused) -> Iterator[str]:
    """Yield the fields that part jobs, of those of which one would not expect it."""
    for name in fused.partition:
        values = {value_text(job.config.get(name)) for job in jobs.jobs}
        if len(values) > 1:
            yield f"fuse: {name} has {len(values)} values, and jobs that differ in it cannot train at once"


def _in_vain(jobs: JobsSpec, executor: str | None) -> Iterator[str]:
    """Yield that jobs want to train at once which cannot."""
    asked = [FUSE.of(job.config, NOT_FUSED) not in (NOT_FUSED, FUSED_BY_ITSELF) for job in jobs.jobs]
    if any(asked):
        why = (
            f"by --executor {executor}" if executor else "as their program does not say which of its jobs can"
        )
        yield f"fuse: {sum(asked)} jobs ask to train at once with others; they train alone, {why}"
