"""Which base model each job of the second stage starts from: the one that a job of the first is named by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from master.core.flags.declared import NOTHING_KNOWN, ScriptFlags
from master.core.nearest import hint, shown
from master.core.planning.identity import CODE_FIELD, DEFAULT_RULE, spec_hash_of
from master.core.planning.job_settings import DEFAULT_PREFIX, PREFIX
from master.core.planning.job_shape import JobShape
from master.errors import ConfigError
from master.intake.jobs import read_jobs
from master.intake.participant_jobs import FOLD
from master.intake.stages.file import Stages
from master.specs import BASE_PREFIX, EMPTY, BaseModelSpec, Config, JobSpec, JobsSpec
from worker_agent.protocol.script_contract import MODE

_SHAPE = JobShape(base_models=False, kind_fields=(MODE, "model"))
"""Of the jobs of both stages: what starts from what is said by their prefixes."""


@dataclass(frozen=True)
class StageCode:
    """The script of a stage: what its code is known by, and what it takes."""

    identity: str
    flags: ScriptFlags = NOTHING_KNOWN


def read_staged_jobs(
    stages: Stages, first: StageCode, second: StageCode, known_ids: Mapping[str, str] = EMPTY
) -> JobsSpec:
    """Return the jobs of the second stage, with the base models that those of the first make.

    Raises ConfigError.
    """
    makes = read_jobs(stages.makes.jobs, code=first.identity, script=first.flags, shape=_SHAPE)
    uses = read_jobs(
        stages.uses.jobs, code=second.identity, known_ids=known_ids, script=second.flags, shape=_SHAPE
    )
    made: dict[str, list[JobSpec]] = {}
    for job in makes.jobs:
        if wrong := PREFIX.problem(job.config.get(PREFIX.name)):
            raise ConfigError(makes.source, job.place, f"{shown(PREFIX.name)} {wrong}")
        made.setdefault(prefix_of(job.config), []).append(job)
    base_models: dict[str, BaseModelSpec] = {}
    base_jobs: dict[str, Config] = {}
    linked = []
    for job in uses.jobs:
        maker = _maker(job, made, uses.source)
        base = _base_model(maker, first.identity) if maker else None
        if maker and base:
            base = base_models.setdefault(base.spec_hash, base)
            base_jobs.setdefault(base.spec_hash, maker.config)
        linked.append(replace(job, base_model=base))
    asked_for = uses.asked_for
    return JobsSpec(tuple(linked), uses.source, base_models, base_jobs=base_jobs, asked_for=asked_for)


def prefix_of(config: Config) -> str:
    """Return the folder below `experiments/` that a job writes to."""
    return str(config.get(PREFIX.name) or DEFAULT_PREFIX)


def _base_model(job: JobSpec, code: str) -> BaseModelSpec:
    identity = {name: value for name, value in job.config.items() if DEFAULT_RULE.identifies(name)}
    identity[CODE_FIELD] = code
    return BaseModelSpec(spec_hash_of(identity), identity)


def _maker(job: JobSpec, made: Mapping[str, list[JobSpec]], source: str) -> JobSpec | None:
    """Return the job that makes what a job starts from; None for one that starts from nothing."""
    wanted = job.config.get(BASE_PREFIX)
    if wanted is None:
        return None
    found = made.get(str(wanted), [])
    if len(found) > 1:
        found = [maker for maker in found if maker.config.get(FOLD) == job.config.get(FOLD)] or found
    if str(wanted) == prefix_of(job.config):
        problem = "is the job's own `prefix`, too: results and base model would share a folder"
    elif not found:
        problem = f"no job of the first stage has the prefix {shown(wanted)}: {hint(str(wanted), made)}"
    elif len(found) > 1:
        places = ", ".join(maker.place for maker in found[:3])
        problem = f"{places} of the first stage have the prefix {shown(wanted)} all: give each its own"
    else:
        return found[0]
    raise ConfigError(source, job.place, f"`{BASE_PREFIX}`: {problem}")
