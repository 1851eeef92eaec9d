"""`twophase logs`: what a job wrote, where it has come home; with `--follow` what it writes."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from master.commands.frame import Command
from master.commands.options.flag_types import whole_number
from master.core.exit_codes import EXIT_INTERRUPTED
from master.errors import UsageError
from master.verbs.common.options import reading_parser
from master.view.answers.log_text import harmless_lines, tail

if TYPE_CHECKING:
    from master.core.explaining.standing import Standing
    from master.storage.run_layout import RunLayout

NAME = "logs"
NOT_HERE = 1
_LINES = 1000
_DESCRIPTION = """\
Show the end of what a job wrote to standard output and error.  A log comes home when its attempt ends; for
one that is not here, where it is.  With -f it comes from the worker as it is written, through the master that
works in the run, from try to try until the job ends."""
_EPILOG = """\
exit codes:
  0 shown; with -f the job has succeeded    1 the log is not here    2 wrong words, or no such run or job
  3 the journal cannot be read              4 with -f: the job has failed, was cancelled, pruned or is blocked
  5 with -f: no master works in the run, and the job has not ended

examples:
  twophase logs alpha/lr=1e-3_seed=2
  twophase logs lr=1e-3_seed=2 --attempt 1 --tail 20
  twophase logs -f lr=1e-3_seed=2 && twophase results

A terminal obeys what a log holds: without --raw its control characters are left out, but for colours (not
with NO_COLOR).  -f gives a pipe the bytes as they were written."""


def main(words: Sequence[str]) -> int:
    """Show a log and return the exit code."""
    command = Command(f"twophase {NAME}")
    return command.run(lambda: _show(parser().parse_args(words), command))


def parser() -> argparse.ArgumentParser:
    """Return the parser."""
    result = reading_parser(NAME, _DESCRIPTION, _EPILOG)
    add = result.add_argument
    add("job", metavar="JOB", help="its id, the end of it, or the start of a base model's hash")
    add("--attempt", type=whole_number, metavar="N", help="of this try (the last one that has a log here)")
    lines = f"the last N lines ({_LINES:,})"
    add("--tail", "--lines", dest="lines", type=whole_number, default=_LINES, metavar="N", help=lines)
    add("-f", "--follow", action="store_true", help="go on with what the job writes, until it ends")
    add("--raw", action="store_true", help="as it was written, byte by byte")
    return result


@dataclass(frozen=True)
class Log:
    """A log, or why it is not here."""

    job_id: str
    attempt: int
    path: Path | None
    where: str
    """Where it is, in words."""


def _show(options: argparse.Namespace, command: Command) -> int:
    from master.storage.journal_snapshot import open_snapshot
    from master.verbs.common.run_directory import jobs_of, layout_of, named_job

    layout = layout_of(options.run)
    with open_snapshot(layout.journal) as snapshot:
        run = jobs_of(snapshot)
    job_id = named_job(options.job, run.jobs)
    if options.follow:
        return _follow(layout, job_id, options, command)
    log = find_log(layout, job_id, run.standing(job_id), options.attempt)
    if log.path is None:
        if options.json:
            print(json.dumps(_as_json(log, None), indent=1))
        else:
            command.say(log.where)
        return NOT_HERE
    data, is_cut = tail(log.path, options.lines)
    if is_cut:
        command.say(f"its last lines are long: shown is their end, {len(data):,} bytes; all is in {log.path}")
    _print(log, data, options)
    return 0


def _follow(layout: RunLayout, job_id: str, options: argparse.Namespace, command: Command) -> int:
    from master.verbs.common.following import follow
    from master.verbs.common.log_sinks import JsonSink, RawSink, TerminalSink

    if options.attempt is not None:
        raise UsageError("--attempt chooses a try that is over, -f follows the last one: give one of them")
    is_raw = options.raw or not sys.stdout.isatty()
    sink = JsonSink(job_id) if options.json else (RawSink if is_raw else TerminalSink)(command.say)
    try:
        return follow(layout, job_id, options.lines, sink)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def find_log(layout: RunLayout, job_id: str, standing: Standing, attempt: int | None) -> Log:
    """Return the log of an attempt, None for the last one whose log is here, or say where it is."""
    tried = range(standing.attempts, 0, -1) if attempt is None else (attempt,)
    for number in tried:
        path = layout.log(job_id, number)
        if path.is_file():
            return Log(job_id, number, path, str(path))
    return Log(job_id, attempt or standing.attempts, None, _where(job_id, standing, attempt))


def _where(job_id: str, standing: Standing, attempt: int | None) -> str:
    if not standing.attempts:
        return f"{job_id} has not begun: it is {standing.state} and has written nothing"
    if attempt is not None and attempt > standing.attempts:
        return f"{job_id} has no try {attempt}: the last one is {standing.attempts}"
    number = attempt or standing.attempts
    if (
        number == standing.attempt
        and standing.worker
        and standing.state in ("assigned", "staging", "running")
    ):
        at = f"try {number} is {standing.state} on {standing.worker}"
        return f"{job_id}: {at}, and its log comes home when it ends"
    return f"{job_id}: the log of try {number} did not come home, or has been removed"


def _print(log: Log, data: bytes, options: argparse.Namespace) -> None:
    if options.json:
        print(json.dumps(_as_json(log, data.decode("utf-8", "replace")), indent=1))
    elif options.raw:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
    else:
        from master.verbs.common.log_sinks import shows_colours

        lines = harmless_lines(data, colours=sys.stdout.isatty() and shows_colours())
        sys.stdout.writelines(f"{line}\n" for line in lines)


def _as_json(log: Log, text: str | None) -> dict[str, object]:
    return {
        "job_id": log.job_id,
        "attempt": log.attempt,
        "path": None if log.path is None else str(log.path),
        "where": log.where,
        "text": text,
    }
