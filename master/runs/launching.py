"""What an agent is told to run: pure functions from specs to `Launch`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from master.code.snapshot import Program
from master.core.flags.declared import NOTHING_KNOWN, ScriptFlags
from master.core.flags.passing import arguments
from master.core.planning.job_settings import COLLECT_RULES, DEVICE, STALL_TIMEOUT, TIMEOUT
from master.core.planning.passed_fields import passed_fields
from master.intake.executors import executor_of
from master.intake.participant_jobs import PARTICIPANT_JOBS
from master.runs.spec import Start
from master.specs import Config, DataDir
from worker_agent.protocol.messages import ALONE, SHARED, Launch, Mount
from worker_agent.protocol.script_contract import DEFAULT_EXECUTOR, RESIDENT


@dataclass(frozen=True)
class Limits:
    """What holds for the jobs that do not say otherwise, in seconds; None is no limit."""

    timeout_s: float | None = None
    stall_timeout_s: float | None = None
    executor: str = DEFAULT_EXECUTOR
    """What runs them …"""
    on_gpus: str | None = None
    """… and what on workers with GPUs; None: the same."""


NO_LIMITS = Limits()

Started = tuple[Sequence[str], ScriptFlags]
"""The words that start a program, and what it takes."""


def data_mounts(data: Sequence[DataDir], synced: Mapping[str, str], *, local: bool) -> list[Mount]:
    """Return the mounts of a worker's data; `synced` tells the content hash of each directory to copy."""
    return [
        Mount(item.name, artefact=synced[item.path])
        if item.sync and not local
        else Mount(item.name, path=item.path)
        for item in data
    ]


def command_of(program: Sequence[str], config: Config, script: ScriptFlags = NOTHING_KNOWN) -> list[str]:
    """Return the command of a job with the fields `config`, in the agent's words."""
    fields = passed_fields(config, script, in_form=PARTICIPANT_JOBS.has_form(config))
    if DEVICE.name in fields:
        fields[DEVICE.name] = _device(fields[DEVICE.name])
    return [*program, *arguments(fields, script)]


def shown_words(command: Sequence[str]) -> list[str]:
    """Return the words of a command for the user."""
    return [{"{python}": "python"}.get(word, word) for word in command]


def launch_message(
    start: Start,
    config: Config,
    program: Program,
    limits: Limits = NO_LIMITS,
    script: ScriptFlags = NOTHING_KNOWN,
) -> Launch:
    """Return the message that starts an attempt at a job with the fields `config`."""
    job, base = start.record.job, start.base
    mounts = [Mount(program.shown_at, artefact=program.content_hash), *start.data]
    if base and base.name and not job.makes:  # what appears there in Phase 1 is what the job has made
        mounts.append(Mount(f"experiments/base_models/{base.name}", artefact=base.content_hash))
    return Launch(
        job_id=job.job_id,
        attempt=start.attempt,
        phase=job.phase,
        argv=command_of(program.argv, config, script),
        mounts=mounts,
        base_model_hash=job.makes or job.needs,
        base_model=base.content_hash if base else None,
        resumes=job.resumes,
        keeps_state=job.keeps_state,
        executor=_executor(start, config, limits),
        gpu_bytes=start.record.gpu_need if start.record.gpu_need is not None else job.gpu_bytes,
        gpus=job.resources.gpus if (job.resources.gpus or 1) > 1 else None,
        gpu_use=ALONE if start.record.alone else SHARED,
        output_from=".",
        collect=COLLECT_RULES.of(config),
        limits=job.resources.limits or None,
        group=start.record.group or None,
        timeout_s=TIMEOUT.of(config, limits.timeout_s),
        stall_timeout_s=STALL_TIMEOUT.of(config, limits.stall_timeout_s),
    )


def _executor(start: Start, config: Config, limits: Limits) -> str:
    if start.record.group:
        return RESIDENT
    usual = limits.on_gpus or limits.executor if start.has_gpus else limits.executor
    return executor_of(config, usual, start.attempt)


def _device(asked: object) -> int | str | None:
    """Return what a job is told instead of the device in its fields, in the form that its script expects.

    CUDA shows each job its own GPU alone, as number 0.
    """
    if asked is None:
        return None
    return 0 if isinstance(asked, int) and not isinstance(asked, bool) else "{device}"
