"""What `run_two_phase` runs: a script or a trainer, with the fields of a jobs file as flags."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from master.code.snapshot import Sources, take_snapshot
from master.core.planning.identity import phase1_config
from master.core.planning.plan import base_model_task_id
from master.runs.launching import NO_LIMITS, Limits, launch_message
from master.runs.spec import Code, Start
from master.specs import Config, JobsSpec
from master.storage.run_layout import RunLayout
from worker_agent.protocol.messages import Launch

_MOST_NOTES = 5


@dataclass(frozen=True)
class ScriptJobs:
    """The jobs of both phases, and the code that does them."""

    jobs: JobsSpec
    sources: Sources
    limits: Limits = NO_LIMITS

    def take(self, layout: RunLayout) -> Code:
        """Take the snapshot of the code.  Raises ConfigError where that cannot be."""
        program = take_snapshot(self.sources, layout.code)
        configs = job_configs(self.jobs)

        def launch_job(start: Start) -> Launch:
            return launch_message(start, configs[start.record.task.task_id], program, self.limits)

        notes = tuple(_left_out(program.left_out))
        return Code({program.content_hash: program.directory}, launch_job, notes)


def _left_out(reasons: Sequence[str]) -> Iterator[str]:
    yield from reasons[:_MOST_NOTES]
    if len(reasons) > _MOST_NOTES:
        yield f"… and {len(reasons) - _MOST_NOTES} more beside the script that are not copied as code"


def job_configs(jobs: JobsSpec) -> dict[str, Config]:
    """Return the fields of every job of both phases, by task id."""
    configs: dict[str, Config] = {job.job_id: job.config for job in jobs.jobs}
    for job in jobs.jobs:
        if job.base_model:
            configs.setdefault(base_model_task_id(job.base_model.spec_hash), phase1_config(job))
    return configs
