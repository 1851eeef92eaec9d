"""What `run_two_phase` runs: a script or a trainer, with the fields of a jobs file as flags."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from master.code.code_history import CodeStart
from master.code.code_record import CodeRecord, listed
from master.code.origin import Described, JobFacts
from master.code.snapshot import Program, take_snapshot
from master.code.sources import Sources
from master.core.flags.declared import NOTHING_KNOWN, ScriptFlags
from master.core.planning.generations.rungs import of_manifest
from master.core.planning.identity import phase1_config
from master.core.planning.job_settings import DEFAULT_PREFIX, PREFIX
from master.core.planning.outlook import PlannedJob
from master.core.planning.plan import Job, base_model_job_id, makes_base_model
from master.core.planning.varying import varying
from master.core.running.lifecycle import State
from master.errors import ConfigError
from master.runs.launching import NO_LIMITS, Limits, Started, command_of, launch_message, shown_words
from master.runs.spec import Code, RunSpec, Start
from master.specs import BASE_PREFIX, EMPTY, Config, JobsSpec
from master.storage.run_layout import RunLayout
from worker_agent.protocol.messages import Launch, Mount

_MOST_NOTES = 5
EXPERIMENTS = "experiments"
"""Where scripts write in their working directory."""


@dataclass(frozen=True)
class BaseCode:
    """The script that trains base models, where it is not the one that starts from them."""

    sources: Sources
    record: CodeRecord
    flags: ScriptFlags = NOTHING_KNOWN


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
    base: BaseCode | None = None
    """What trains base models, where that is another script."""
    since: float | None = None
    """When the code was first used; None: it is now."""

    def take(self, layout: RunLayout) -> Code:
        """Take the snapshot of the code.  Raises ConfigError where that cannot be."""
        program = _taken(self.sources, self.record, layout)
        start = CodeStart(self.record, program.content_hash, program.argv, self.since or time.time())
        programs = dict.fromkeys((1, 2), program)
        if self.base:
            programs[1] = base = _taken(self.base.sources, self.base.record, layout)
            of_base = CodeStart(self.base.record, base.content_hash, base.argv, start.at)
            start = replace(start, base=of_base)
        configs = job_configs(self.jobs)
        launch = self._launcher(configs, programs)
        notes = tuple(_left_out(program.left_out))
        directories = {each.content_hash: each.directory for each in programs.values()}
        words = {phase: each.argv for phase, each in programs.items()}
        base_models, rungs = dict[str, str](), dict[str, Config]()
        describe = self._describer(configs, words, base_models, rungs)

        def take_more(more: JobsSpec) -> None:
            configs.update({**job_configs(more), **configs})
            base_models.update({job.job_id: job.base_model.spec_hash for job in more.jobs if job.base_model})
            for base in more.base_models.values():
                rungs.setdefault(base_model_job_id(base.spec_hash), of_manifest(base))

        take_more(self.jobs)
        return Code(directories, launch, notes, start, describe, take_more)

    def _launcher(
        self, configs: Mapping[str, Config], programs: Mapping[int, Program]
    ) -> Callable[[Start], Launch]:
        def launch_job(start: Start) -> Launch:
            job = start.record.job
            config, flags = configs[job.job_id], self._flags(job.phase)
            message = launch_message(start, config, programs[job.phase], self.limits, flags)
            return staged(message, config) if self.base else message

        return launch_job

    def _flags(self, phase: int) -> ScriptFlags:
        return self.base.flags if self.base and phase == 1 else self.flags

    def _describer(
        self,
        configs: Mapping[str, Config],
        words: Mapping[int, Sequence[str]],
        base_models: Mapping[str, str],
        rungs: Mapping[str, Config],
    ) -> Callable[[str], Described]:
        varied = varying([job.config for job in self.jobs.jobs])
        same_bits = next((job.fused.same_bits for job in self.jobs.jobs if job.fused), frozenset())

        def describe(job_id: str) -> Described:
            phase = 1 if makes_base_model(job_id) else 2
            command = shown_words(command_of(words[phase], configs[job_id], self._flags(phase)))
            base_model = base_models.get(job_id)
            rung = rungs.get(job_id, EMPTY)
            return Described(JobFacts(configs[job_id], varied, base_model, command, rung, same_bits))

        return describe


def _taken(sources: Sources, record: CodeRecord, layout: RunLayout) -> Program:
    """Take a snapshot.  Raises ConfigError where it is not of the code that base models were looked up by."""
    program = take_snapshot(sources, layout.code)
    expected = {**record.files, **record.others}
    differ = {path for path, _ in expected.items() ^ program.digests.items()}
    if differ:
        problem = f"{listed(differ)} changed while the command was starting: give it again"
        raise ConfigError(str(sources.root), "", problem)
    return program


def staged(message: Launch, config: Config) -> Launch:
    """Return the message of a job of stages: what the first writes under its prefix is its base model.

    The second finds it in the same folder.
    """
    if message.phase == 1:
        return replace(message, output_from=f"{EXPERIMENTS}/{config.get(PREFIX.name) or DEFAULT_PREFIX}")
    if message.base_model is None:
        return message
    shown = Mount(f"{EXPERIMENTS}/{config[BASE_PREFIX]}", artefact=message.base_model)
    return replace(message, mounts=[*message.mounts, shown])


def _left_out(reasons: Sequence[str]) -> Iterator[str]:
    yield from reasons[:_MOST_NOTES]
    if len(reasons) > _MOST_NOTES:
        yield f"… and {len(reasons) - _MOST_NOTES} more beside the script that are not copied as code"


def job_configs(jobs: JobsSpec) -> dict[str, Config]:
    """Return the fields of every job of both phases, by job id."""
    configs: dict[str, Config] = {job.job_id: job.config for job in jobs.jobs}
    for job in jobs.jobs:
        for base in job.base_model.lineage if job.base_model else ():
            made_by = base.training or jobs.base_jobs.get(base.spec_hash) or phase1_config(job)
            configs.setdefault(base_model_job_id(base.spec_hash), made_by)
    return configs


def planned_jobs(
    spec: RunSpec,
    program: Started,
    configs: Mapping[str, Config],
    base: Started | None = None,
) -> list[PlannedJob]:
    """Return the jobs of a run in their order.  Raises ConfigError for a journal that cannot be read.

    `base` trains base models, where that is another program.
    """
    return list(_jobs(spec, {1: base or program, 2: program}, configs))


def _shown(words: Sequence[str]) -> str:
    """Return a command as one line, in which what the worker fills in needs no quotation marks."""
    return " ".join(word if word.endswith("{device}") else shlex.quote(word) for word in words)


def _jobs(
    spec: RunSpec, programs: Mapping[int, Started], configs: Mapping[str, Config]
) -> Iterator[PlannedJob]:
    others = _others(spec)
    for job, done, attempts, cancelled_by, is_pruned in _standing(spec):
        program, flags = others.get(job.job_id) or programs[job.phase]
        words = shown_words(command_of(program, configs[job.job_id], flags))
        yield PlannedJob(job.job_id, done, attempts, _shown(words), cancelled_by, is_pruned)


def _others(spec: RunSpec) -> dict[str, Started]:
    """Return what starts the jobs of additions with programs of their own, by `job_id`."""
    found: dict[str, Started] = {}
    own = spec.jobs.of_addition("").base_models if spec.added else {}
    for more in spec.added:
        assert isinstance(more.work, ScriptJobs)
        started = more.work.sources.argv, more.work.flags
        found |= {job.job_id: started for job in more.jobs.jobs}
        for spec_hash in more.jobs.base_models.keys() - own:
            found.setdefault(base_model_job_id(spec_hash), started)
    return found


def _standing(spec: RunSpec) -> Iterator[tuple[Job, bool, int, str, bool]]:
    """Yield the jobs in their order, and of each what a planned job tells of earlier starts."""
    journal = spec.layout.journal
    if not journal.exists():  # a first plan does without all that knows of earlier starts
        yield from ((job, False, 0, "", False) for job in spec.plan.jobs)
        return
    from master.core.running.pruning.recovering import stays_pruned
    from master.runs.earlier_starts import state_after
    from master.storage.journal_reading import read_orders, read_transitions

    state = state_after(spec, read_transitions(journal), read_orders(journal))
    for record in state.jobs.values():
        is_done, is_pruned = record.state is State.SUCCEEDED, stays_pruned(state, record)
        yield record.job, is_done, record.attempts, record.cancelled_by, is_pruned
