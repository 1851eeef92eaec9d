"""How the jobs of a command are read and checked: those of its file, and those that users add to its run."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from master.code.resident.entry import offers_resident
from master.code.trainer_manifest import (
    DEFAULT_TRAINER,
    TrainerManifest,
    find_trainer_manifest,
    trainer_names,
)
from master.commands.chosen_code import ChosenCode
from master.commands.options.run_two_phase import TwoPhaseOptions
from master.commands.taken_flags import flags_taken
from master.commands.taken_ids import in_the_way
from master.core.flags.declared import ScriptFlags
from master.core.running.orders.of_jobs import AddJobs
from master.core.running.orders.order import Ordered
from master.errors import ConfigError, TwophaseError, UsageError
from master.intake.executors import (
    check_executors,
    default_executor,
    inline_problem,
    resident_problem_of,
)
from master.intake.jobs import read_jobs
from master.intake.lineages.reading import FIELDS, STAGES
from master.intake.lineages.resuming import RESUME, rung_fields
from master.intake.participant_jobs import PARTICIPANT_JOBS
from master.intake.settings_check import check_settings
from master.intake.stages.file import has_stages
from master.intake.strict_json import Document, parse_document, read_document
from master.intake.sweeps.expansion import BASE_MODEL
from master.specs import ClusterSpec, Config, Fused, JobsSpec, ServerSpec
from master.storage.journal_reading import EarlierStarts
from master.storage.result_records import read_record
from master.storage.run_layout import RunLayout
from master.view.wording import plural
from worker_agent.protocol.script_contract import INLINE, RESIDENT, executor_of_name

Read = Callable[[Document, Mapping[str, str], Sequence[ServerSpec]], JobsSpec]
"""Reads and checks jobs, given `job_hash` → `job_id` of those that are known, and the workers that there are.

Without workers those of the start count.  Raises ConfigError.
"""
_OF_BASE_MODELS = frozenset({BASE_MODEL, STAGES})
_INHERITED = (*_OF_BASE_MODELS, RESUME, "code_version")
"""What holds for a file of added jobs, too, that does not say otherwise."""


@dataclass(frozen=True)
class ReadingContext:
    """What is known where jobs are read, whatever runs them."""

    options: TwoPhaseOptions
    cluster: ClusterSpec
    layout: RunLayout
    earlier: EarlierStarts
    joined: tuple[ServerSpec, ...] = ()
    """The workers that users have added in earlier starts."""


@dataclass(frozen=True)
class JobProgram:
    """What runs jobs."""

    code: ChosenCode
    trainer: TrainerManifest | None
    flags: ScriptFlags
    """What the script takes."""
    executors: tuple[str, str]
    """What runs the jobs that do not say so, and what does on workers with GPUs."""
    fused: Fused | None = None
    """Which jobs can train at once; None: none."""

    @classmethod
    def of(
        cls,
        options: TwoPhaseOptions,
        code: ChosenCode,
        trainer: TrainerManifest | None,
        *,
        told_prefix: bool = False,
    ) -> JobProgram:
        """Return a program with what it takes and what runs it."""
        flags = replace(flags_taken(code.sources, trainer, options.flag_style), told_prefix=told_prefix)
        offers = trainer.executors if trainer else ()
        usual, on_gpus = (options.executor or default_executor(offers, on_gpu=gpu) for gpu in (False, True))
        may_share = executor_of_name(options.executor or RESIDENT) == RESIDENT
        fused = trainer.fused if trainer and may_share else None
        return cls(code, trainer, flags, (usual, on_gpus), fused)


@dataclass(frozen=True)
class Reading:
    """How jobs of one program are read."""

    context: ReadingContext
    program: JobProgram

    def read(self, given: Document, known: Mapping[str, str]) -> JobsSpec:
        """Read a jobs file, given `job_hash` → `job_id` of the jobs that are known.  Raises ConfigError."""
        code, trainer = self.program.code, self.program.trainer
        jobs = read_jobs(
            given,
            code=code.record.identity,
            known_ids=known,
            script=self.program.flags,
            shape=trainer.shape if trainer else PARTICIPANT_JOBS,
            check=None if code.script or self.context.options.trainer else _check_default_trainer,
        )
        fused = self.program.fused
        return replace(jobs, jobs=tuple(replace(job, fused=fused) for job in jobs.jobs)) if fused else jobs

    @property
    def machines(self) -> ClusterSpec:
        """The cluster with the workers that have joined it."""
        cluster = self.context.cluster
        return replace(cluster, servers=(*cluster.servers, *self.context.joined))

    def check(self, jobs: JobsSpec, servers: Sequence[ServerSpec] = ()) -> None:
        """Raise ConfigError or UsageError where jobs ask for what cannot be had, or not of these workers.

        Without `servers` those of the start count.
        """
        machines, executor = self.machines, self.context.options.executor
        check_settings(jobs, replace(machines, servers=tuple(servers)) if servers else machines)
        self._check_parents(jobs)
        cluster = self.context.cluster
        if executor == INLINE and (problem := inline_problem(cluster, sys.stdin.isatty())):
            raise UsageError(f"--executor {problem}")
        trainer, script = self.program.trainer, self.program.code.script
        offers = (RESIDENT,) if script and offers_resident(script) else ()
        named = (trainer.name, trainer.executors) if trainer else (None, offers)
        check_executors(jobs, self.program.executors[0], resident_problem_of(*named))

    def _check_parents(self, jobs: JobsSpec) -> None:
        """Refuse base models that start from others for a trainer that cannot do that."""
        trainer = self.program.trainer
        if trainer and not trainer.takes_parents and any(one.parent for one in jobs.base_models.values()):
            able = [name for name in trainer_names() if find_trainer_manifest(name).takes_parents]
            problem = f"the trainer {trainer.name} starts no base model from another"
            cure = " or ".join(
                ["give one stage", *(f"--trainer {name}" for name in able), "a script of your own"]
            )
            raise ConfigError(jobs.source, STAGES, f"{problem}: {cure}")

    def checked(
        self, given: Document, known: Mapping[str, str], servers: Sequence[ServerSpec] = ()
    ) -> JobsSpec:
        """Read and check jobs that a user adds.  Raises ConfigError."""
        jobs = self.read(given, known)
        self.check(jobs, servers)
        check_results(self.context.layout, jobs, replace(self.context.earlier, known_ids=known))
        return jobs


def _check_default_trainer(configs: Iterable[Config]) -> None:
    """Refuse to run the default trainer where nothing says that it is meant: a script was forgotten."""
    if not any(map(PARTICIPANT_JOBS.has_form, configs)):
        raise UsageError(
            "no --script-path: give your training script (or -m, or `script_path` in the cluster config)."
            f" The trainer {DEFAULT_TRAINER} runs of itself where jobs have `participants` with `fold`, or a"
            f" `mode` of its own; if you mean it, give --trainer {DEFAULT_TRAINER}"
        )


def check_results(layout: RunLayout, jobs: JobsSpec, earlier: EarlierStarts) -> None:
    """Refuse to start where a job's result would meet files that are not from this run."""
    ours = set(earlier.known_ids.values())
    for job in jobs.jobs:
        result = layout.result(job.job_id)
        if job.job_id not in ours and result.exists() and not _is_of(earlier.run_id, result, job.config):
            raise ConfigError(jobs.source, job.place, in_the_way(layout, job.job_id, job.config))


def _is_of(run_id: str, result: Path, config: Config) -> bool:
    """Tell whether a result says that it is the run's, of a job with these fields."""
    record = read_record(result)
    return bool(record and record.get("run_id") == run_id and record["parameters"] == dict(config))


@dataclass(frozen=True)
class AddedJobs:
    """Reads jobs that are added to the run of one command."""

    read: Read
    own: Mapping[str, Any]
    """What the run's own file says of base models."""

    @classmethod
    def of(cls, given: Document, read: Read) -> AddedJobs:
        """Return what reads the jobs that are added beside those of a file."""
        value = given.value if isinstance(given.value, dict) else {}
        return cls(read, {key: value[key] for key in _INHERITED if key in value})

    def read_more(
        self, order: AddJobs, known: Mapping[str, str], servers: Sequence[ServerSpec] = ()
    ) -> tuple[AddJobs, JobsSpec]:
        """Read a file that a user adds; return its order with what it says.  Raises ConfigError.

        `servers` are the workers of the run by now.
        """
        document = given_document(order)
        if has_stages(document):
            document.root.fail("has stages, and these cannot be added: give them as a run of their own")
        self.read(document, known, servers)  # what is wrong is told with its line in the file
        group = document.value if isinstance(document.value, dict) else {"jobs": document.value}
        whole = self._whole(group)

        def found() -> JobsSpec:
            return self.read(parse_document(json.dumps(whole), document.source), known, servers)

        jobs = found()
        if jobs.base_models and (resume := self._resume(group)):
            whole[RESUME] = resume
            jobs = found()
        return replace(order, text=json.dumps(whole)), jobs

    def _whole(self, group: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a file says, with what it leaves to the run's own, but for `resume`."""
        names = set(_names(group))
        given = {*group, *(_OF_BASE_MODELS if _OF_BASE_MODELS & group.keys() else ())}
        own = {key: said for key, said in self.own.items() if key not in (*given, RESUME)}
        return {**group, **{key: _about(said, names) for key, said in own.items()}}

    def _resume(self, group: Mapping[str, Any]) -> Any:
        """Return the `resume` of the run's own file, None where it says nothing of jobs such as these."""
        resume = None if RESUME in group else self.own.get(RESUME)
        return resume if resume and set(_names(group)).issuperset(rung_fields(resume)) else None

    def again(self, order: AddJobs, known: Mapping[str, str]) -> JobsSpec:
        """Read what an earlier start was given, as it was then.  Raises TwophaseError."""
        return self.read(parse_document(order.text, f"{order.path or 'jobs'} as it was added"), known, ())


def given_document(order: AddJobs) -> Document:
    """Return the jobs that an order brings, or the file that it names.  Raises ConfigError."""
    return read_document(order.path) if order.path else parse_document(order.text, "the jobs")


def left_out(order: AddJobs, error: TwophaseError) -> str:
    """Say of added jobs that they cannot be read any more."""
    count = len(order.ids)
    taken = order.path or order.name or "a request"
    what = f"{plural(count, 'job')} that `twophase add` took from {taken} cannot be read any more"
    gone = f"{'is' if count == 1 else 'are'} left out, what {'it' if count == 1 else 'they'} left stays"
    back = f"once that holds no more the next start has {'it' if count == 1 else 'them'} again"
    return f"{what} and {gone}: {error}; {back}"


def joined_by(orders: Iterable[Ordered]) -> tuple[ServerSpec, ...]:
    """Return what orders tell of the workers that users have added: labels and limits alone."""
    given = tuple(orders)
    if not given:  # a plan of a new run loads nothing that runs
        return ()
    from master.core.running.orders.membership import membership

    added = membership(given).added.values()
    return tuple(
        ServerSpec(order.name, order.name, labels=tuple(order.labels), limits=order.limits) for order in added
    )


def _names(value: Any) -> Iterator[str]:
    """Yield all names of fields below a value."""
    if isinstance(value, dict):
        yield from value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _names(each)


def _about(said: Any, names: Collection[str]) -> Any:
    """Return what is said of base models, of the fields alone that there are."""
    if isinstance(said, list):
        return [_about(stage, names) for stage in said]
    if not isinstance(said, dict):
        return said
    if FIELDS in said:
        return {**said, FIELDS: [name for name in said[FIELDS] if name in names]}
    return {key: [name for name in listed if name in names] for key, listed in said.items()}


def notes_on_added(jobs: JobsSpec, own: JobsSpec) -> Iterator[str]:
    """Say how many jobs of a run are not in its file."""
    if count := len(jobs.jobs) - len(own.jobs):
        yield f"{plural(count, 'job')} of this run {'was' if count == 1 else 'were'} added by `twophase add`"
