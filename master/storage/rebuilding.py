"""A journal that was lost, damaged or rolled back is told by the results: each says which attempt made it."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from master.core.running.commands import Transition
from master.core.running.lifecycle import State, Trigger
from master.core.running.records import JobRecord, RunState
from master.errors import ConfigError
from master.storage.journal import Journal
from master.storage.journal_reading import read_transitions
from master.storage.result_records import find_record
from master.storage.run_layout import RECORD_NAMES, RunLayout
from worker_agent.protocol.digests import content_hash, digest_directory

EPOCH_GAP = 1000
"""More starts than a journal can have forgotten: agents refuse masters of an older one."""
RESULT = "read from its result"


@dataclass(frozen=True)
class Published:
    """A result that says of itself which attempt made it."""

    job_id: str
    attempt: int
    epoch: int
    run_id: str
    worker: str | None
    content_hash: str


def published(layout: RunLayout, job_ids: Iterable[str]) -> Iterator[Published]:
    """Yield the results of jobs that say what they are, and are what they say."""
    for job_id in job_ids:
        folder = layout.result(job_id)
        name, record = find_record(folder) or ("", {})
        if record.get("job_id") != job_id:
            continue
        attempt, epoch, found = record.get("attempt"), record.get("epoch"), record.get("content_hash")
        if type(attempt) is not int or type(epoch) is not int or not isinstance(found, str):
            continue
        if _holds(folder, name, found):
            worker = record.get("worker")
            by = worker if isinstance(worker, str) else None
            yield Published(job_id, attempt, epoch, str(record.get("run_id")), by, found)


def _holds(folder: Path, record: str, wanted: str) -> bool:
    try:
        files = digest_directory(folder)
    except OSError:
        return False
    return content_hash(file for file in files if file.path != record) == wanted


def forgotten(state: RunState, layout: RunLayout, run_id: str) -> list[Published]:
    """Return the run's results that the journal does not know to have succeeded."""
    open_jobs = (job_id for job_id, record in state.jobs.items() if record.state is not State.SUCCEEDED)
    results = (result for result in published(layout, open_jobs) if result.run_id == run_id)
    return [result for result in results if is_forgotten(state.jobs[result.job_id], result)]


def is_forgotten(record: JobRecord, result: Published) -> bool:
    """Return whether a journal by which a job stands so does not know of its result.

    One that was being collected may be in place: who was killed then had no time to write that down.
    """
    if record.state is not State.COLLECTING:
        return record.state is not State.SUCCEEDED
    return all(content_hash(end.files) != result.content_hash for end in record.outcomes.values())


def remember(journal: Journal, results: Iterable[Published], at: float) -> None:
    """Write down, at a time of the run's clock, that jobs have succeeded."""
    journal.append(
        Transition(
            *(at, result.job_id, Trigger.COLLECT, State.SUCCEEDED, result.attempt, result.worker, RESULT),
            content_hash=result.content_hash,
        )
        for result in results
    )


def told_of(results: list[Published]) -> str:
    """Say that a journal does not know what has succeeded."""
    count = "1 result" if len(results) == 1 else f"{len(results)} results"
    knows = "is an older copy, or has lost its end"
    return f"the journal {knows}: {count} of this run that it does not know count as they are"


def _set_aside(path: Path) -> Path:
    """Give a journal that nobody writes to another name, and return it."""
    aside = path.with_name(f"{path.name}.damaged-{time.time_ns()}")
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    return aside


def rebuild(layout: RunLayout) -> list[str]:
    """Make the journal one that can be gone on with; return what was done, in lines.

    One that cannot be read is set aside.  A new one gets the name of the run that most results say, so that
    its workers know it.  Agents refuse no master of it.  The run directory must be held.
    """
    told = []
    try:
        count = len(read_transitions(layout.journal))
        told.append(f"the journal can be read: {count} transitions" if count else "there is no journal")
    except ConfigError as error:
        told.append(f"{error.problem.partition(': ')[0]}: kept in {_set_aside(layout.journal)}")
    results = list(published(layout, with_records(layout)))
    runs = Counter(result.run_id for result in results)
    run_id = runs.most_common(1)[0][0] if runs else ""
    of_run = f", {runs[run_id]} of them run {run_id}" if runs else ""
    told.append(f"{len(results)} results say what made them{of_run}")
    with closing(Journal(layout.journal, run_id)) as journal:
        journal.new_epoch(after=max((result.epoch for result in results), default=0) + EPOCH_GAP)
    return told


def with_records(layout: RunLayout) -> Iterator[str]:
    """Yield the ids of the results that have a record; what a script left below one is none."""
    for place, folders, names in os.walk(layout.experiments):
        folder = Path(place)
        if folder == layout.base_models:
            folders.clear()
        elif not {*RECORD_NAMES}.isdisjoint(names):
            folders.clear()
            yield folder.relative_to(layout.experiments).as_posix()
        folders.sort()
