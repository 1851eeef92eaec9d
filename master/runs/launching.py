"""What an agent is told to run: pure functions from specs to `Launch`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from master.code.snapshot import Program
from master.core.nearest import literal, shown
from master.core.planning.plan import GPU_MEMORY, Task
from master.core.quantities import SIZES, TIMES, seconds, size_bytes
from master.errors import ConfigError
from master.intake.executors import DEFAULT_EXECUTOR, EXECUTOR, executor_of
from master.specs import Config, DataDir, JobsSpec
from worker_agent.protocol.messages import ALONE, SHARED, Launch, Mount
from worker_agent.protocol.script_contract import flags

TIMEOUT, STALL_TIMEOUT = "timeout", "stall_timeout"
NOT_FOR_THE_SCRIPT = frozenset({TIMEOUT, STALL_TIMEOUT, GPU_MEMORY, EXECUTOR, "retries"})
"""Fields that are about the job, not for the script."""


@dataclass(frozen=True)
class Limits:
    """What holds for the jobs that do not say otherwise, in seconds; None is no limit."""

    timeout_s: float | None = None
    stall_timeout_s: float | None = None
    executor: str = DEFAULT_EXECUTOR
    """What runs them."""


NO_LIMITS = Limits()


def check_job_settings(jobs: JobsSpec) -> None:
    """Raise ConfigError for a field about a job that cannot be heeded."""
    for job in jobs.jobs:
        for name in sorted(NOT_FOR_THE_SCRIPT & job.config.keys()):
            problem = setting_problem(name, job.config[name])
            if problem:
                raise ConfigError(jobs.source, job.place, f"{shown(name)} {problem}")


def setting_problem(name: str, value: Any) -> str:
    """Return why a field about a job cannot have this value, "" where it can; None is a field left out."""
    if value is None or name == EXECUTOR:
        return ""  # `check_executors` has more to say of executors
    if name == GPU_MEMORY:
        return "" if size_bytes(value) is not None else f"is {literal(value)}, allowed is {SIZES}"
    if name not in (TIMEOUT, STALL_TIMEOUT):
        return "is kept for a setting of the job that this version does not know: leave it out or rename it"
    return "" if seconds(value) is not None else f"is {literal(value)}, allowed are {TIMES}"


def _limit(config: Config, name: str, default: float | None) -> float | None:
    return default if config.get(name) is None else seconds(config[name])


@dataclass(frozen=True)
class StoredBaseModel:
    """What a launch needs to know of a base model in the store."""

    content_hash: str
    name: str | None = None
    """The directory name below `experiments/base_models/` that the script itself chose, if it did."""


def data_mounts(data: Sequence[DataDir], synced: Mapping[str, str], *, local: bool) -> list[Mount]:
    """Return the mounts of a worker's data; `synced` tells the content hash of each directory to copy."""
    return [
        Mount(item.name, artefact=synced[item.path])
        if item.sync and not local
        else Mount(item.name, path=item.path)
        for item in data
    ]


def launch_message(
    task: Task,
    attempt: int,
    config: Config,
    program: Program,
    data: Sequence[Mount],
    base: StoredBaseModel | None,
    limits: Limits = NO_LIMITS,
    gpu_need: int | None = None,
    alone: bool = False,
) -> Launch:
    """Return the message that starts an attempt; `base` is the base model that a Phase 2 job starts from.

    `gpu_need` is the GPU memory that it gets, in bytes, `alone` a whole GPU.
    """
    mounts = [Mount("", artefact=program.content_hash), *data]
    if base and base.name:
        mounts.append(Mount(f"experiments/base_models/{base.name}", artefact=base.content_hash))
    fields = {name: value for name, value in config.items() if name not in NOT_FOR_THE_SCRIPT}
    if "device" in fields:
        fields["device"] = "{device}"
    return Launch(
        job_id=task.task_id,
        attempt=attempt,
        phase=task.phase,
        argv=[*program.argv, *flags(fields)],
        mounts=[dict(vars(mount)) for mount in mounts],
        base_model_hash=task.makes or task.needs,
        base_model=base.content_hash if base else None,
        executor=executor_of(config, limits.executor, attempt),
        gpu_bytes=gpu_need if gpu_need is not None else task.gpu_bytes,
        gpu_use=ALONE if alone else SHARED,
        timeout_s=_limit(config, TIMEOUT, limits.timeout_s),
        stall_timeout_s=_limit(config, STALL_TIMEOUT, limits.stall_timeout_s),
    )
