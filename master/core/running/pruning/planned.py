"""What the plan says of jobs that are compared while they run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from master.core.planning.plan import Plan


def notes_on_pruning(plan: Plan) -> Iterator[str]:
    """Yield by what jobs are compared and how many with each other, and that some never are."""
    if plan.prune is None:
        return
    sizes = Counter(job.contest for job in plan.jobs if job.contest).values()
    within = ", ".join(plan.prune.within)
    those = f", those that are equal in {within}" if within else ""
    groups = f"{len(sizes)} groups of {_range(min(sizes), max(sizes))}" if len(sizes) > 1 else "one group"
    yield f"prune: {sum(sizes)} jobs are compared by {plan.prune.metric}{those}: {groups}"
    alone = sum(size == 1 for size in sizes)
    if alone and within:
        which = "1 job has" if alone == 1 else f"{alone} jobs have"
        advice = f"of {within} leave out of `within` what only tells repetitions apart"
        yield f"prune: {which} no other to be compared with, and no one alone is ended early: {advice}"


def _range(least: int, most: int) -> str:
    return f"{least}" if least == most else f"{least} to {most}"
