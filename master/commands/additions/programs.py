"""Jobs that users add with a program of their own: how its code is found, named, kept, and its jobs read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from master.code.code_history import CodeStart
from master.code.trainer_manifest import find_trainer_manifest
from master.commands.additions.gathering import Gathered
from master.commands.additions.names import name_of
from master.commands.chosen_code import ChosenCode, code_of_now, kept_code
from master.commands.job_reading import (
    AddedJobs,
    JobProgram,
    Reading,
    ReadingContext,
    given_document,
    left_out,
)
from master.commands.options.run_two_phase import STYLES
from master.core.nearest import shown, unknown
from master.core.planning.job_settings import PREFIX
from master.core.running.orders.of_jobs import AddJobs, AskedProgram
from master.core.running.orders.order import Ordered
from master.errors import ConfigError, TwophaseError, UsageError
from master.intake.strict_json import Document, flags_document, parse_document
from master.runs.launching import Limits
from master.runs.script_jobs import ScriptJobs
from master.runs.spec import Known, MoreJobs
from master.specs import JobsSpec, ServerSpec

ADDITION = "_addition"
"""The field of a job that says which addition it is of: no script is told it."""
OWN = AskedProgram()
"""No program of their own."""
_NOWHERE = Path("/")
"""Where a user stands who asks the master: that it works in some folder says nothing of their code."""
_BACK = "its snapshot is gone or damaged: put it back"
_WITHOUT = (
    "this master has no program of its own: give --script-path, -m or --trainer"
    " (over HTTP: `script`, `module` or `trainer`)"
)


@dataclass(frozen=True)
class Additions:
    """Reads all that is added to the run of one command."""

    context: ReadingContext
    own: AddedJobs | None
    """Reads jobs for the command's program; None where it has none."""
    _trainers: dict[AskedProgram, JobProgram] = field(default_factory=dict)
    """What they take: it takes a second to find out."""

    def read_more(self, order: AddJobs, known: Known) -> MoreJobs:
        """Read jobs that a user adds.  Raises ConfigError and UsageError."""
        if order.program != OWN:
            return self._with_program(order, known)
        if order.name:
            raise UsageError(
                "--name: goes with --script-path, -m or --trainer, not with the run's own program"
            )
        if self.own is None:
            raise UsageError(_WITHOUT)
        return MoreJobs(*self.own.read_more(order, known.ids, known.servers))

    def _with_program(self, order: AddJobs, known: Known) -> MoreJobs:
        document = given_document(order)
        reading = self._asked(order)
        order = replace(order, name=name_of(order, _start(reading.program.code), known.additions), code={})
        jobs = _read(reading, order.name, document, known.ids, known.servers)
        return MoreJobs(replace(order, text=json.dumps(document.value)), jobs, _work(reading, jobs))

    def _asked(self, order: AddJobs) -> Reading:
        """Return how jobs are read for the program that their user names, as it is now."""
        context = _context_of(self.context, order)
        code = code_of_now(context.options, context.cluster, context.layout, _NOWHERE)
        if code.script:
            return Reading(context, JobProgram.of(context.options, code, None))
        known = self._trainers.get(order.program)
        if known is None or known.code.record != code.record:
            trainer = find_trainer_manifest(context.options.trainer)
            known = self._trainers[order.program] = JobProgram.of(context.options, code, trainer)
        return Reading(context, replace(known, code=code))

    def with_added(
        self, jobs: JobsSpec, orders: Iterable[Ordered], known: Mapping[str, str]
    ) -> tuple[JobsSpec, list[MoreJobs], list[str]]:
        """Return the jobs of a command with those of earlier additions, what these do, and what to say of it.

        Those that the script, the cluster or the run's own file leaves no place for any more are left out:
        their user cannot take them back, and the others go on.
        """
        kept, gathered, ids, notes = _Kept(self.context), Gathered(jobs), dict(known), list[str]()
        for event in orders:
            if isinstance(event.order, AddJobs):
                ids.update(event.order.ids)
                try:
                    gathered.take(self._again(event.order, ids, kept))
                except TwophaseError as error:
                    notes.append(left_out(event.order, error))
        return gathered.jobs(), gathered.with_programs(), notes

    def _again(self, order: AddJobs, known: Mapping[str, str], kept: _Kept) -> MoreJobs:
        """Read what an earlier start was given.  Raises TwophaseError."""
        if order.program != OWN:
            reading, since = kept.reading_of(order)
            document = parse_document(order.text, _source(order))
            jobs = _read(reading, order.name, document, known)
            return MoreJobs(order, jobs, replace(_work(reading, jobs), since=since))
        if self.own is None:
            raise UsageError(_WITHOUT)
        return MoreJobs(order, self.own.again(order, known))


def _source(order: AddJobs) -> str:
    return f"{order.path or order.name} as it was added"


def _read(
    reading: Reading,
    name: str,
    document: Document,
    known: Mapping[str, str],
    servers: Sequence[ServerSpec] = (),
) -> JobsSpec:
    """Read and check the jobs of an addition: its name makes them others than jobs with the same fields."""
    over = flags_document({"defaults": {PREFIX.name: name}, "set": {ADDITION: name}}, "the addition")
    jobs = reading.checked(replace(document, over=over), known, servers)
    return replace(jobs, jobs=tuple(replace(job, addition=name) for job in jobs.jobs))


def _work(reading: Reading, jobs: JobsSpec) -> ScriptJobs:
    options, program = reading.context.options, reading.program
    limits = Limits(options.timeout, options.stall_timeout, *program.executors)
    return ScriptJobs(jobs, program.code.sources, program.code.record, limits, program.flags)


# ---- which code


def _context_of(context: ReadingContext, order: AddJobs) -> ReadingContext:
    """Return what is known where jobs are read that have the program that an order names."""
    asked = order.program
    if len([each for each in (asked.script, asked.module, asked.trainer) if each]) != 1:
        raise UsageError("give one of --script-path, -m and --trainer")
    for flag, path in (("--script-path", asked.script), ("--project-root", asked.project_root)):
        if path and ("\0" in path or not Path(path).is_absolute()):
            raise UsageError(f"{flag} {shown(path)}: give its whole path, from /")
    if asked.module and not asked.project_root:
        raise UsageError(f"-m {shown(asked.module)}: give --project-root, the folder that holds the package")
    if asked.flag_style and asked.flag_style not in STYLES:
        raise UsageError(f"--flag-style: {unknown(asked.flag_style, STYLES)}")
    options = replace(
        context.options,
        script_path=Path(asked.script) if asked.script else None,
        module=asked.module or None,
        trainer=asked.trainer or None,
        project_root=Path(asked.project_root) if asked.project_root else None,
        flag_style=asked.flag_style or None,
        jobs_config=Path(order.path) if order.path else None,
    )
    return replace(context, options=options)


class _Kept:
    """How jobs are read for the programs of earlier additions: each is looked at once."""

    def __init__(self, context: ReadingContext) -> None:
        self._context = context
        self._found: dict[tuple[str, AskedProgram], tuple[Reading, float]] = {}

    def reading_of(self, order: AddJobs) -> tuple[Reading, float]:
        """Return it, and when the code was first used.  Raises ConfigError for a damaged snapshot."""
        start = CodeStart.from_json(order.code)
        if start is None:
            raise ConfigError(_source(order), "", "the journal does not tell its code")
        key = (start.snapshot, order.program)
        if key not in self._found:
            code = kept_code(start, self._context.layout, _BACK)
            self._found[key] = self._kept(order.program, code), start.at
        return self._found[key]

    def _kept(self, asked: AskedProgram, code: ChosenCode) -> Reading:
        style = asked.flag_style or None
        options = replace(self._context.options, trainer=asked.trainer or None, flag_style=style)
        # As it was then, for a later version's takes other flags.
        trainers = code.sources.root / "trainers"
        trainer = find_trainer_manifest(asked.trainer, trainers) if asked.trainer else None
        return Reading(replace(self._context, options=options), JobProgram.of(options, code, trainer))


def _start(code: ChosenCode) -> CodeStart:
    return CodeStart(code.record, argv=code.sources.argv)
