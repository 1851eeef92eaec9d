"""What to say of a job whose id another job has: in which fields they differ, and what to do."""

from __future__ import annotations

import json
from pathlib import Path

from master.core.nearest import literal, shown
from master.core.planning.readable_names import differing
from master.errors import ConfigError
from master.intake.job_ids import IdTaken
from master.specs import Config
from master.storage.journal import is_empty, read_fields
from master.storage.run_layout import RECORD_NAMES, RunLayout

_ADVICE = "give this job another `id` or `prefix`, or its former fields, or the run another --run-dir"
_OTHER_PLACE = "change the prefix or id, or use another --run-dir"
_MOST_NAMED = 5


def taken_by_earlier(error: IdTaken, layout: RunLayout) -> ConfigError:
    """Return the error about an id that an earlier job of the run has."""
    former = read_fields(layout.journal, error.job_id) or recorded_fields(layout.result(error.job_id))
    told = f": {differences(former, error.config)}" if former else ""
    return ConfigError(error.source, error.place, f"{error.problem}{told}; {_ADVICE}")


def in_the_way(layout: RunLayout, job_id: str, config: Config) -> str:
    """Say of a result that is not from this run why its job cannot run, and what to do."""
    result = layout.result(job_id)
    if is_empty(layout.journal):
        emptied = f"{layout.journal}, which should tell whose it is, is empty (0 bytes)"
        return f"{result} exists, and {emptied}: put back a copy of the journal, or {_OTHER_PLACE}"
    former = recorded_fields(result)
    told = f" ({differences(former, config)})" if former else ""
    return f"{result} exists and is not from this run{told}; nothing is ever written over: {_OTHER_PLACE}"


def recorded_fields(result: Path) -> Config | None:
    """Return the fields of the job that a result is from, by its own record; None where it has none."""
    for name in RECORD_NAMES:
        try:
            record = json.loads((result / name).read_text(encoding="utf-8"))
            fields = record["parameters"]
        except (OSError, ValueError, LookupError, TypeError):
            continue
        if isinstance(fields, dict) and "job_id" in record:
            return fields
    return None


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
