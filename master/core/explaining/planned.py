"""What a start had to do, in the form in which its journal keeps it for those who read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from master.core.planning.generations.trees import below
from master.core.planning.plan import Job, Plan, base_model_job_id
from master.specs import BaseModelSpec, Config

_BASE_MODELS, _TO_TRAIN, _JOBS, _PARENTS = "base_models", "to_train", "jobs", "parents"


def plan_record(plan: Plan, base_models: Mapping[str, BaseModelSpec]) -> dict[str, Any]:
    """Return a plan ready for JSON: base models, what identifies them, and which one each job starts from."""
    hashes = list(dict.fromkeys((*plan.to_train, *plan.in_store, *base_models)))
    index = {spec_hash: number for number, spec_hash in enumerate(hashes)}
    configs = {spec_hash: spec.config for spec_hash, spec in base_models.items()}
    parents = [
        [index[spec.spec_hash], index[spec.parent.spec_hash]] for spec in base_models.values() if spec.parent
    ]
    return {
        **({_PARENTS: parents} if parents else {}),
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
    parents: Mapping[str, str] = field(default_factory=dict)
    """What base models start from, those that start from another, by `spec_hash`."""

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Planned:
        """Undo `plan_record`.  Raises what is raised where something else is in its place."""
        bases = [(str(spec_hash), dict(config)) for spec_hash, config in record[_BASE_MODELS]]
        parents = {bases[child][0]: bases[parent][0] for child, parent in record.get(_PARENTS, ())}
        trained = (bases[number][0] for number in record[_TO_TRAIN])
        phase1 = (
            Job(base_model_job_id(spec_hash), phase=1, needs=parents.get(spec_hash), makes=spec_hash)
            for spec_hash in trained
        )
        phase2 = (
            Job(str(job_id), phase=2, needs=None if number is None else bases[number][0])
            for job_id, number in record[_JOBS]
        )
        return cls({job.job_id: job for job in (*phase1, *phase2)}, dict(bases), parents)

    @cached_property
    def users(self) -> Mapping[str, int]:
        """How many experiments start from each base model, or from what comes of it."""
        counts = dict.fromkeys(self.base_models, 0)
        for job in self.jobs.values():
            if job.needs and not job.makes:
                counts[job.needs] += 1
        return below(counts, self.parents)
