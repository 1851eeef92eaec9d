"""`twophase hash`: the identity of the base model that a job starts from, and what splits two of them."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from master.commands.frame import Command
from master.verbs.common.options import EXIT_CODES, reading_parser

if TYPE_CHECKING:
    from master.core.explaining.planned import Planned

NAME = "hash"
DIFF = "diff"
_DESCRIPTION = """\
Tell which base model a job starts from and which fields identify it; with `diff` and two jobs, which of these
fields keep them from sharing one."""
_EPILOG = f"""\
{EXIT_CODES}

examples:
  twophase hash alpha/lr=1e-3_seed=2
  twophase hash diff lr=1e-3_seed=2 lr=1e-3_seed=3 --json"""


def main(words: Sequence[str]) -> int:
    """Tell a base model's identity, or what splits two, and return the exit code."""
    return Command(f"twophase {NAME}").run(lambda: _tell(parser().parse_args(words)))


def parser() -> argparse.ArgumentParser:
    """Return the parser."""
    result = reading_parser(NAME, _DESCRIPTION, _EPILOG)
    result.add_argument("jobs", nargs="+", metavar="[diff] JOB", help="a job, or diff and two jobs")
    return result


def _tell(options: argparse.Namespace) -> int:
    from master.errors import UsageError
    from master.storage.journal_snapshot import open_snapshot
    from master.verbs.common.run_directory import layout_of, named_job

    is_diff, words = options.jobs[0] == DIFF, options.jobs
    words = words[1:] if is_diff else words
    if len(words) != (2 if is_diff else 1):
        raise UsageError("give one job, or `diff` and two jobs: twophase hash diff JOB JOB")
    with open_snapshot(layout_of(options.run).journal) as snapshot:
        planned = snapshot.planned()
    if planned is None:
        raise UsageError("this run's journal does not tell: give its command again with this version first")
    identities = [_identity(planned, named_job(word, planned.jobs)) for word in words]
    found = _difference(*identities) if is_diff else identities[0]
    print(json.dumps(found, indent=1) if options.json else _diff_text(found) if is_diff else _text(found))
    return 0


def _identity(planned: Planned, job_id: str) -> dict[str, Any]:
    job = planned.jobs[job_id]
    spec_hash = job.makes or job.needs
    return {
        "job_id": job_id,
        "spec_hash": spec_hash,
        "config": dict(planned.base_models[spec_hash]) if spec_hash else None,
        "jobs": planned.users[spec_hash] if spec_hash else None,
    }


def _difference(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return both identities, and each field in which they differ with both values."""
    from master.core.explaining.versions import differences

    return {
        "same": one["spec_hash"] == other["spec_hash"],
        "jobs": [dict(one), dict(other)],
        "fields": [found.as_json() for found in differences(one["config"] or {}, other["config"] or {})],
    }


def _text(identity: Mapping[str, Any]) -> str:
    if identity["spec_hash"] is None:
        return f"{identity['job_id']} starts from no base model"
    lines = [f"  {name}={json.dumps(value)}" for name, value in identity["config"].items()]
    shared = f"{identity['jobs']:,} experiments start from it"
    return "\n".join([f"{identity['job_id']}: base model {identity['spec_hash']}, {shared}", *lines])


def _diff_text(found: Mapping[str, Any]) -> str:
    from master.core.explaining.versions import shown

    one, other = found["jobs"]
    if found["same"]:
        what = f"base model {one['spec_hash']}" if one["spec_hash"] else "no base model"
        return f"both start from {what}: nothing keeps them apart"
    lines = [
        f"  {item['field']}: {shown(item, 0)} in {one['job_id']}, {shown(item, 1)} in {other['job_id']}"
        for item in found["fields"]
    ]
    hashes = " and ".join(str(each["spec_hash"] or "none") for each in (one, other))
    return "\n".join([f"two base models, {hashes}:", *lines])
