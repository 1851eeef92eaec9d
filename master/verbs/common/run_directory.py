"""The run that a reading verb is asked about: its files, its journal, its jobs by name."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from master.core.explaining.planned import Planned
from master.core.explaining.standing import Standing, job_of
from master.core.nearest import near, shown
from master.core.planning.plan import BASE_MODELS, Job, makes_base_model
from master.core.planning.value_texts import same_numbers
from master.errors import UsageError
from master.storage.journal_snapshot import JournalSnapshot
from master.storage.run_layout import RunLayout

_LEAST_OF_A_HASH = 6
_MOST_COMPARED = 5000
"""Ids that a word is compared with where it is none of them."""


def layout_of(run: Path) -> RunLayout:
    """Return the files of a run.  Raises UsageError where no run has begun there."""
    layout = RunLayout(run)
    if not layout.journal.exists():
        where = "here" if run == Path() else f"in {run}"
        raise UsageError(f"no run {where} ({layout.journal} does not exist): give its directory, --run DIR")
    return layout


@dataclass(frozen=True)
class RunJobs:
    """The jobs of a run, and where they stand."""

    jobs: dict[str, Job]
    """Those of the latest start in the order of its plan, then what earlier ones had beside them."""
    standings: dict[str, Standing]
    """Of those that have had a transition."""
    planned: Planned | None
    """None in a journal of an earlier version."""

    def standing(self, job_id: str) -> Standing:
        """Return where a job stands."""
        return self.standings.get(job_id) or Standing()


def jobs_of(snapshot: JournalSnapshot) -> RunJobs:
    """Return the jobs of a run: of its latest start, where the journal tells, and all that ever ran."""
    planned, standings = snapshot.planned(), snapshot.standings()
    jobs = dict(planned.jobs) if planned else {job_id: job_of(job_id) for job_id in snapshot.job_ids()}
    for job_id in standings:
        if job_id not in jobs:
            jobs[job_id] = job_of(job_id)
    return RunJobs(jobs, standings, planned)


def named_job(word: str, jobs: Collection[str]) -> str:
    """Return the id of the job that a user's word names: an id, its end, or the start of a base model's hash.

    A number may be spelled as it was typed in a sweep: `lr=0.003` is `lr=3e-3`.
    Raises UsageError where it names none, or several.
    """
    if word in jobs:
        return word
    found = [job_id for job_id in jobs if _is_meant(word, job_id)] or equal_in_value(word, jobs)
    if len(found) == 1:
        return found[0]
    if found:
        several = f"{len(found)} jobs, such as {found[0]} and {found[1]}"
        raise UsageError(f"{shown(word)} names {several}: say more of it")
    alike = _nearest(word, jobs)
    meant = f"did you mean {alike}?" if alike else "`twophase ps` lists them"
    raise UsageError(f"no job {shown(word)} in this run: {meant}")


def equal_in_value(word: str, jobs: Collection[str]) -> list[str]:
    """Return the jobs whose ids, or ends of ids, differ from a word in the spelling of numbers alone."""
    wanted = same_numbers(word)
    spelled = ((job_id, same_numbers(job_id)) for job_id in jobs)
    return [job_id for job_id, name in spelled if name == wanted or name.endswith(f"/{wanted}")]


def _nearest(word: str, jobs: Collection[str]) -> str:
    """Return the job whose id is like a word, numbers by their values; "" where none is, or too many."""
    if len(jobs) > _MOST_COMPARED:
        return ""
    spelled = ((job_id, same_numbers(job_id)) for job_id in jobs)
    names = {name: job_id for job_id, long in spelled for name in (long.rpartition("/")[2], long)}
    return names.get(near(same_numbers(word), names), "")


def _is_meant(word: str, job_id: str) -> bool:
    if makes_base_model(job_id):
        start = f"{BASE_MODELS}/{word}"
        return len(word) >= _LEAST_OF_A_HASH and job_id.startswith(start)
    return job_id.endswith(f"/{word}")
