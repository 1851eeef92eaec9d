"""What `run_two_phase` runs: a script or a trainer, with the fields of a jobs file as flags."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from master.code.code_history import CodeStart
from master.code.code_record import CodeRecord, listed
from master.code.origin import Described, TaskFacts
from master.code.snapshot import Program, take_snapshot
from master.code.sources import Sources
from master.core.flags.declared import NOTHING_KNOWN, ScriptFlags
from master.core.planning.analysis import varying
from master.core.planning.identity import phase1_config
from master.core.planning.plan import base_model_task_id
from master.errors import ConfigError
from master.runs.launching import NO_LIMITS, Limits, command_of, launch_message, shown_words
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
    record: CodeRecord
    """Of these sources."""
    limits: Limits = NO_LIMITS
    flags: ScriptFlags = NOTHING_KNOWN
    """What they take."""

    def take(self, layout: RunLayout) -> Code:
        """Take the snapshot of the code.  Raises ConfigError where that cannot be."""
        program = take_snapshot(self.sources, layout.code)
        self._check(program)
        configs = job_configs(self.jobs)
        start = CodeStart(self.record, program.content_hash, program.argv, time.time())

        def launch_job(start: Start) -> Launch:
            config = configs[start.record.task.task_id]
            return launch_message(start, config, program, self.limits, self.flags)

        notes = tuple(_left_out(program.left_out))
        directories = {program.content_hash: program.directory}
        return Code(directories, launch_job, notes, start, self._describer(configs, program.argv))

    def _check(self, program: Program) -> None:
        """Raise ConfigError where the code is not as it was when base models were looked up by it."""
        expected = {**self.record.files, **self.record.others}
        differ = {path for path, _ in expected.items() ^ program.digests.items()}
        if differ:
            problem = f"{listed(differ)} changed while the command was starting: give it again"
            raise ConfigError(str(self.sources.root), "", problem)

    def _describer(self, configs: Mapping[str, Config], program: Sequence[str]) -> Callable[[str], Described]:
        varied = varying([job.config for job in self.jobs.jobs])
        base_models = {job.job_id: job.base_model.spec_hash for job in self.jobs.jobs if job.base_model}

        def describe(task_id: str) -> Described:
            command = shown_words(command_of(program, configs[task_id], self.flags))
            return Described(TaskFacts(configs[task_id], varied, base_models.get(task_id), command))

        return describe


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
