"""`twophase why`: why a job has not ended, and what would change it."""

from __future__ import annotations

import argparse
import json
import shlex
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from master.commands.frame import Command
from master.verbs.common.options import EXIT_CODES, reading_parser
from master.view.answers.states import HOW_ENDED, NOBODY_WORKS

if TYPE_CHECKING:
    from master.storage.run_layout import RunLayout
    from master.verbs.common.run_directory import RunJobs

NAME = "why"
_DESCRIPTION = """\
Tell the one cause for which a job has not ended: what it waits for, and where it waits for room, of every
worker why it does not take it; and what would change that.  Asks the master that works in the run."""
_EPILOG = f"""\
{EXIT_CODES}

examples:
  twophase why alpha/lr=1e-3
  twophase why 3f9c2a --json | jq -r .says"""
_GOES_ON = "the same command as before, which goes on with it"
_TRIED_AGAIN = "the same command as before, which tries again what failed"
_NO_LONGER_PRUNED = "the same command as before without `prune` in its jobs file"
_WITH_NOTE = ("failed", "blocked", "cancelled", "pruned")
_WITH_WORKER = ("assigned", "staging", "running", "collecting")


def main(words: Sequence[str]) -> int:
    """Tell why and return the exit code."""
    return Command(f"twophase {NAME}").run(lambda: _tell(parser().parse_args(words)))


def parser() -> argparse.ArgumentParser:
    """Return the parser."""
    result = reading_parser(NAME, _DESCRIPTION, _EPILOG)
    result.add_argument("job", help="its id, the end of it, or the start of a base model's hash")
    return result


def _tell(options: argparse.Namespace) -> int:
    from master.runs.control.answers import WHY
    from master.runs.control.client import ask
    from master.storage.journal_snapshot import open_snapshot
    from master.verbs.common.run_directory import jobs_of, layout_of, named_job

    layout = layout_of(options.run)
    with open_snapshot(layout.journal) as snapshot:
        run = jobs_of(snapshot)
    job_id = named_job(options.job, run.jobs)
    standing = run.standing(job_id)
    # Of an earlier start's jobs, and of base models that were in the store, a master knows nothing.
    answered = None if standing.state in HOW_ENDED else ask(layout, WHY, job_id)
    told = answered or {
        "job_id": job_id,
        "state": standing.state,
        "note": standing.note,
        "worker": standing.worker,
        "cause": None,
    }
    shown = as_json(told, has_master=answered is not None)
    if standing.state == "failed":
        shown = with_log(shown, _last_words(run, job_id), _cures(layout, job_id, options.run))
    if standing.state == "pruned":
        cure = _cure(layout, job_id, options.run, _NO_LONGER_PRUNED)
        shown |= {"changes": f"{cure}, which lets it go on to its end"}
    print(json.dumps(shown, indent=1) if options.json else _lines(shown))
    return 0


def with_log(shown: dict[str, Any], said: str, changes: str) -> dict[str, Any]:
    """Return what is published of a job that failed, with the last that its log says and what helps."""
    added = f" ({said})" if said and said not in shown["says"] else ""
    return {**shown, "says": f"{shown['says']}{added}", "changes": changes}


def _last_words(run: RunJobs, job_id: str) -> str:
    from master.core.explaining.standing import row_of
    from master.core.harmless import last_line

    try:
        return last_line(row_of(run.jobs[job_id], run.standing(job_id)).stderr_tail)
    except (ValueError, LookupError, TypeError):
        return ""  # a journal that is damaged there tells all else


def _cures(layout: RunLayout, job_id: str, run: Path) -> str:
    """Return the commands that help a job that failed."""
    retry = _cure(layout, job_id, run, _TRIED_AGAIN)
    return f"{retry}; {shlex.join(['twophase', 'logs', job_id, *_of_run(run)])}"


def _cure(layout: RunLayout, job_id: str, run: Path, without_master: str) -> str:
    """Return the order for another try, or what does the same where no master takes orders."""
    from master.runs.control.place import is_working

    retry = shlex.join(["twophase", "retry", job_id, *_of_run(run)])
    return retry if is_working(layout) else without_master


def _of_run(run: Path) -> list[str]:
    return [] if run == Path() else ["--run", str(run)]


def as_json(told: dict[str, Any], *, has_master: bool) -> dict[str, Any]:
    """Return what a master answered, or what the journal tells, as it is published."""
    from master.core.explaining.cause_json import from_json
    from master.core.explaining.progress import Progress
    from master.errors import TwophaseError
    from master.view.answers.why import sentence_of_running, what_changes_it

    progress = told.get("progress")
    kept = {
        "job_id": str(told["job_id"]),
        "state": str(told["state"]),
        "cause": told["cause"],
        "progress": progress,
    }
    if told["cause"] is None:
        return {**kept, **_standing(told), "asked": has_master}
    try:
        cause, said = from_json(told["cause"]), Progress.of(progress) if progress else None
    except (ValueError, LookupError, TypeError) as error:
        raise TwophaseError(f"the master says what cannot be ({error}): is it of this version?") from error
    now = float(told.get("at") or time.time())
    says = sentence_of_running(cause, said, now)
    return {**kept, "says": says, "changes": what_changes_it(cause), "asked": has_master}


def _standing(told: Mapping[str, Any]) -> dict[str, str]:
    """Return what is said of a job that has ended, or that no master works on."""
    state, note = str(told["state"]), told["note"]
    if ended := HOW_ENDED.get(state):
        reason = str(note or "").removeprefix("failed: ")  # which is said already
        return {"says": f"{ended}: {reason}" if state in _WITH_NOTE and reason else ended, "changes": ""}
    worker = f" on {told['worker']}" if state in _WITH_WORKER and told.get("worker") else ""
    return {"says": f"is {state}{worker}: {NOBODY_WORKS}", "changes": _GOES_ON}


def _lines(shown: dict[str, Any]) -> str:
    from master.core.harmless import clean

    first = clean(f"{shown['job_id']} {shown['says']}")
    return f"{first}\nwhat would change it: {shown['changes']}" if shown["changes"] else first
