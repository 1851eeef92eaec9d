"""What to say of earlier jobs of the run: those whose ids jobs want, and those whose results stay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from master.core.nearest import literal, shown
from master.core.planning.readable_names import differing
from master.errors import ConfigError
from master.intake.job_ids import IdTaken
from master.specs import Config, JobSpec, JobsSpec
from master.storage.journal_reading import is_empty, read_earlier_starts, read_fields
from master.storage.result_records import EarlierResult, read_record
from master.storage.run_layout import RunLayout
from master.view.wording import plural

_ADVICE = "give this job another `id` or `prefix`, or its former fields, or the run another --run-dir"
_OTHER_PLACE = "change the prefix or id, or use another --run-dir"
_MOST_NAMED = 5
_LEAST_SUFFIX = 8


def taken_by_earlier(error: IdTaken, layout: RunLayout) -> ConfigError:
    """Return the error about an id that an earlier job of the run has."""
    former = _former_fields(layout, error.job_id)
    told = f": {differences(former, error.config)}" if former else ""
    return ConfigError(error.source, error.place, f"{error.problem}{told}; {_ADVICE}")


def in_the_way(layout: RunLayout, job_id: str, config: Config) -> str:
    """Say of a result that is not from this run why its job cannot run, and what to do."""
    result = layout.result(job_id)
    if is_empty(layout.journal):
        emptied = f"{layout.journal}, which should tell whose it is, is empty (0 bytes)"
        advice = f"put back a copy of the journal, give --rebuild, or {_OTHER_PLACE}"
        return f"{result} exists, and {emptied}: {advice}"
    record = read_record(result)
    if record and record.get("run_id") and not read_earlier_starts(layout.journal).known_ids:
        gone = f"{layout.journal}, which should tell whose it is, is gone or knows no job"
        return f"{result} exists, and {gone}: give --rebuild, which reads the results, or {_OTHER_PLACE}"
    told = f" ({differences(record['parameters'], config)})" if record else ""
    return f"{result} exists and is not from this run{told}; nothing is ever written over: {_OTHER_PLACE}"


def _former_fields(layout: RunLayout, job_id: str) -> Config | None:
    """Return the fields that a job of an earlier start had, where anything tells them."""
    return read_fields(layout.journal, job_id) or _recorded_fields(layout.result(job_id))


def _recorded_fields(result: Path) -> Config | None:
    record = read_record(result)
    return record and record["parameters"]


def notes_on_suffixes(jobs: JobsSpec, known_ids: Mapping[str, str], layout: RunLayout) -> list[str]:
    """Say why jobs that are new to the run have a suffix in their names."""
    owners = {job_id.lower(): job_id for job_id in known_ids.values()}
    new = ((job, _without_suffix(job)) for job in jobs.jobs if job.job_hash not in known_ids)
    suffixed = [(job, owners.get(name.lower(), "")) for job, name in new if name]
    taken = [(job, owner) for job, owner in suffixed if owner]
    alike = len(suffixed) - len(taken)
    notes = [f"{plural(alike, 'job')} got a suffix: cut to their length, the names would be equal"]
    return [*(_taken(taken, layout) if taken else ()), *(notes if alike else ())]


def _taken(taken: Sequence[tuple[JobSpec, str]], layout: RunLayout) -> Iterator[str]:
    (job, owner), count = taken[0], len(taken)
    former = _former_fields(layout, owner)
    told = f" with other fields ({differences(former, job.config)})" if former else ""
    were, got = ("was", "this job") if count == 1 else ("were", "these jobs")
    yield f"{plural(count, 'name')} {were} taken by earlier jobs{told}: {got} got a suffix"


def _without_suffix(job: JobSpec) -> str:
    """Return the id of a job without the start of its hash; "" where it has none in it."""
    name, _, digits = job.job_id.rpartition("-")
    return name if len(digits) >= _LEAST_SUFFIX and job.job_hash.startswith(digits) else ""


def notes_on_earlier(results: Sequence[EarlierResult]) -> list[str]:
    """Say that a run has results of jobs that the command leaves out."""
    if not results:
        return []
    count = plural(len(results), "earlier result")
    are = (
        "is of a job that this command does not have: it stays"
        if len(results) == 1
        else ("are of jobs that this command does not have: they stay")
    )
    return [f"{count} of this folder {are} in the table"]


def differences(former: Config, now: Config) -> str:
    """Say in which fields a job differs from an earlier one."""
    names = differing(former, now)
    told = [f"{shown(name)} {_was(former, name)} and {_is(now, name)}" for name in names[:_MOST_NAMED]]
    more = [f"{len(names) - _MOST_NAMED} more differ"] if len(names) > _MOST_NAMED else []
    return ", ".join([*told, *more]) or "its fields were the same"


def _was(fields: Config, name: str) -> str:
    return f"was {literal(fields[name])}" if name in fields else "was not given"


def _is(fields: Config, name: str) -> str:
    return f"is {literal(fields[name])}" if name in fields else "is not given now"
