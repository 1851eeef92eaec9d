"""What a start had to do, in the form in which its journal keeps it for those who read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from master.core.planning.generations.trees import below
from master.core.planning.identity import PARENT_FIELD
from master.core.planning.plan import Job, Plan, base_model_job_id
from master.specs import BaseModelSpec, Config

_BASE_MODELS, _TO_TRAIN, _JOBS = "base_models", "to_train", "jobs"
_STARTS, _RUNGS, _STAGES = "parents", "rungs", "stages"


def plan_record(plan: Plan, base_models: Mapping[str, BaseModelSpec]) -> dict[str, Any]:
    """Return a plan ready for JSON: base models, what identifies them, and which one each job starts from."""
    hashes = list(dict.fromkeys((*plan.to_train, *plan.in_store, *base_models)))
    index = {spec_hash: number for number, spec_hash in enumerate(hashes)}
    configs = {spec_hash: spec.config for spec_hash, spec in base_models.items()}
    starts = [
        [index[spec.spec_hash], index[spec.start.spec_hash]] for spec in base_models.values() if spec.start
    ]
    rungs = [index[spec.spec_hash] for spec in base_models.values() if spec.lower]
    stages = [[index[spec.spec_hash], spec.stage] for spec in base_models.values() if spec.stage]
    return {
        **({_STARTS: starts} if starts else {}),
        **({_RUNGS: rungs} if rungs else {}),
        **({_STAGES: stages} if stages else {}),
        _BASE_MODELS: [[spec_hash, dict(configs.get(spec_hash, {}))] for spec_hash in hashes],
        _TO_TRAIN: [index[spec_hash] for spec_hash in plan.to_train],
        _JOBS: [[job.job_id, index[job.needs] if job.needs else None] for job in plan.jobs if not job.makes],
    }


@dataclass(frozen=True)
class Planned:
    """What the latest start had to do."""

    jobs: Mapping[str, Job]
    """Both phases, in the order of the plan."""
    base_models: Mapping[str, Config]
    """What identifies each base model, by `spec_hash`; empty where it is not known."""
    starts: Mapping[str, str] = field(default_factory=dict)
    """What base models start from or go on from, those that do, by `spec_hash` …"""
    rungs: frozenset[str] = frozenset()
    """… and those of them that go on from a lower rung."""
    stages: Mapping[str, str] = field(default_factory=dict)
    """The names of their generations, of those that have one, by `spec_hash`."""

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Planned:
        """Undo `plan_record`.  Raises what is raised where something else is in its place."""
        bases = [(str(spec_hash), dict(config)) for spec_hash, config in record[_BASE_MODELS]]
        starts = {bases[child][0]: bases[start][0] for child, start in record.get(_STARTS, ())}
        rungs = frozenset(bases[number][0] for number in record.get(_RUNGS, ()))
        stages = {bases[number][0]: str(stage) for number, stage in record.get(_STAGES, ())}
        trained = (bases[number][0] for number in record[_TO_TRAIN])
        phase1 = (
            Job(
                base_model_job_id(spec_hash),
                phase=1,
                needs=starts.get(spec_hash),
                makes=spec_hash,
                resumes=spec_hash in rungs,
                stage=stages.get(spec_hash, ""),
            )
            for spec_hash in trained
        )
        phase2 = (
            Job(str(job_id), phase=2, needs=None if number is None else bases[number][0])
            for job_id, number in record[_JOBS]
        )
        return cls({job.job_id: job for job in (*phase1, *phase2)}, dict(bases), starts, rungs, stages)

    @cached_property
    def users(self) -> Mapping[str, int]:
        """How many experiments start from each base model, or from what comes of it."""
        return below(self._direct, self.starts)

    @cached_property
    def trainings(self) -> Mapping[str, int]:
        """How many trainings of each base model its experiments would have needed, each for itself."""
        configs = self.base_models.items()
        parents = {
            spec_hash: str(config[PARENT_FIELD]) for spec_hash, config in configs if PARENT_FIELD in config
        }
        return below(self._direct, parents)

    @cached_property
    def _direct(self) -> Mapping[str, int]:
        counts = dict.fromkeys(self.base_models, 0)
        for job in self.jobs.values():
            if job.needs and not job.makes:
                counts[job.needs] += 1
        return counts

    def start_of(self, spec_hash: str) -> dict[str, str | None]:
        """Return what a base model starts from, or which lower rung it goes on from, ready for JSON."""
        start, resumes = self.starts.get(spec_hash), spec_hash in self.rungs
        return {"parent": None if resumes else start, "resumes_from": start if resumes else None}
