"""What a command knows of the flags that the jobs' script takes, and what it tells the user of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from master.code.declarations.reading import read_flags
from master.code.sources import Sources
from master.code.trainer_manifest import TrainerManifest
from master.core.flags.declared import ScriptFlags, Style
from master.core.flags.notes import flag_notes, listed
from master.core.planning.identity import CODE_FIELD, PARENT_FIELD, untold_fields
from master.core.planning.job_settings import PREFIX
from master.core.planning.passed_fields import passed_fields, takes_prefix
from master.intake.participant_jobs import PARTICIPANT_JOBS
from master.specs import JobSpec, JobsSpec


def flags_taken(sources: Sources, trainer: TrainerManifest | None, style: str | None = None) -> ScriptFlags:
    """Return what the code of jobs takes, its flags in the style that the user wants."""
    found = trainer.flags() if trainer else read_flags(sources)
    if style is None:
        return found
    if Style[style.upper()] is Style.BARE:
        return ScriptFlags(found.script, open="key=value is not checked", style=Style.BARE)
    return replace(found, style=Style[style.upper()])


def notes_on_flags(jobs: JobsSpec, script: ScriptFlags) -> Iterator[str]:
    """Yield what the user should know of how fields reach the script."""
    yield from flag_notes(
        (passed_fields(job.config, script, in_form=_in_form(job)) for job in jobs.jobs), script
    )
    left = [job for job in jobs.jobs if job.config.get(PREFIX.name) is not None]
    if script.open and any(not takes_prefix(script, in_form=_in_form(job)) for job in left):
        unseen = f"{script.script} was not seen to take it, and is not told"
        yield f"{PREFIX.name} names the folder of results; {unseen}"
    yield from _notes_on_phase1(jobs)


def _notes_on_phase1(jobs: JobsSpec) -> Iterator[str]:
    untold = [name for name in _names(map(untold_fields, jobs.jobs)) if name != PREFIX.name]
    if untold:
        told = [
            name
            for name in _names(base.config for base in jobs.base_models.values())
            if name not in (CODE_FIELD, PARENT_FIELD)
        ]
        is_lineage = any(base.stage for base in jobs.base_models.values())
        when = "to any of these trainings" if is_lineage else "in Phase 1"
        yield (
            f"base models are trained with {listed(told) or 'no field'}; not passed {when}, for they do"
            f" not identify a base model: {listed(untold)}"
        )


def _names(each: Iterable[Iterable[str]]) -> list[str]:
    return list(dict.fromkeys(name for names in each for name in names))


def _in_form(job: JobSpec) -> bool:
    return PARTICIPANT_JOBS.has_form(job.config)
