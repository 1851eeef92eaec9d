"""Which base models of the store trainings go on from: those whose every file has been checked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from master.core.planning.generations.rungs import Manifests, climbing, notes_on_rungs
from master.core.planning.plan import Plan
from master.runs.script_jobs import ScriptJobs
from master.runs.spec import MoreJobs
from master.specs import EMPTY, JobsSpec
from master.storage.base_model_store import BaseModelStore


@dataclass(frozen=True)
class Climbed:
    """Jobs whose base models go on from what the store has, too."""

    jobs: JobsSpec
    found: Manifests = field(default_factory=lambda: EMPTY)
    """The lower rungs that no job starts from …"""
    stored: Manifests = field(default_factory=lambda: EMPTY)
    """… among all that trainings could go on from …"""
    damaged: tuple[str, ...] = ()
    """… and what is wrong with those from which none does for that."""

    def notes(self, plan: Plan) -> Iterator[str]:
        """Say why trainings do not go on from what the store has."""
        yield from notes_on_rungs(self.jobs, plan, self.stored)
        yield from (f"{problem}: no training goes on from it" for problem in self.damaged)

    def of_addition(self, more: MoreJobs) -> MoreJobs:
        """Return jobs that were added with a program of their own, linked alike."""
        jobs = climbing(more.jobs, self.stored)
        work = replace(more.work, jobs=jobs) if isinstance(more.work, ScriptJobs) else more.work
        return replace(more, jobs=jobs, work=work)


def climbed(jobs: JobsSpec, store: BaseModelStore, whole: Manifests, soon: Manifests = EMPTY) -> Climbed:
    """Return jobs linked with the store.

    `whole` has those of their own base models that need no training, `soon` what manifests will say of others
    that are trained just now.
    """
    if jobs.rungs is None:
        return Climbed(jobs)
    at_home = ((str(each["spec_hash"]), each) for each in store.manifests())
    others = {spec_hash: each for spec_hash, each in at_home if spec_hash not in jobs.base_models}
    stored, damaged = {**soon, **others, **whole}, dict[str, str]()
    while True:
        linked = climbing(jobs, stored)
        found, wrong = store.scan(linked.base_models.keys() - jobs.base_models.keys())
        if not wrong:
            return Climbed(linked, found, stored, tuple(damaged.values()))
        damaged |= wrong
        stored = {spec_hash: each for spec_hash, each in stored.items() if spec_hash not in wrong}
