"""`twophase ps`: the jobs of a run, from its journal."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from master.commands.frame import Command
from master.commands.options.flag_types import bounded
from master.verbs.common.options import EXIT_CODES, add_filters, reading_parser
from master.view.answers.states import ENDED, GOES_ON, NOBODY_WORKS, counted

if TYPE_CHECKING:
    from master.core.running.summary import JobRow
    from master.storage.run_layout import RunLayout
    from master.verbs.common.selection import Selected

NAME = "ps"
SORTS = ("state", "time", "since", "job", "worker")
_DURATION = "duration"
"""What TIME was called where jobs are sorted by it, and still may be."""
MOST_SHOWN = 100
_COLUMNS = ("STATE", "TIME", "TRIES", "WORKER", "JOB", "WHY")
_MOST_OF_A_REASON = 120
_DESCRIPTION = """\
List the jobs of a run: state, how long, tries, worker, and why one did not succeed.  What failed and what
runs comes first.  No master is needed, and one that works is not disturbed."""
_EPILOG = f"""\
TIME is how long the last try took, of a running job since it started, else how long it has been in its state.

{EXIT_CODES}

examples:
  twophase ps
  twophase ps --failed --json | jq -r '.jobs[].job_id'
  twophase ps --run ~/searches/7 --state running,ready --where lr=1e-3 --sort time --reverse"""


def main(words: Sequence[str]) -> int:
    """List the jobs and return the exit code."""
    return Command(f"twophase {NAME}").run(lambda: _list(parser().parse_args(words)))


def parser() -> argparse.ArgumentParser:
    """Return the parser."""
    result = reading_parser(NAME, _DESCRIPTION, _EPILOG)
    add = result.add_argument
    add_filters(result)
    add(
        "--sort",
        choices=SORTS,
        type=_column,
        default="state",
        help="by this; where equal, as planned (state)",
    )
    add("--reverse", action="store_true", help="the greatest first")
    many = bounded(int, 0, 10**9, "whole number (0 or more)")
    limit = f"at most so many; 0: all ({MOST_SHOWN}; with --json all)"
    add("--limit", type=many, metavar="N", help=limit)
    return result


def _column(word: str) -> str:
    return "time" if word == _DURATION else word


@dataclass(frozen=True)
class Listing:
    """What is shown."""

    run_id: str
    counts: Mapping[str, int]
    """How many jobs are in each state, shown or not."""
    matching: int
    rows: Sequence[Selected]
    time_left: Mapping[str, Any] | None
    """What the running master says of that; None where none works."""
    is_working: bool = True
    """Whether a master of this machine works in the run."""
    as_of: float = 0.0
    """Unix time of the last that the journal tells; 0 where it tells of no job."""
    now: float = 0.0

    @property
    def no_master(self) -> str:
        """What to say where jobs are left and no master works on them; empty elsewhere."""
        if self.is_working or all(state in ENDED for state, count in self.counts.items() if count):
            return ""
        from master.view.wording import time_of_day

        written = (
            f"; the last that one wrote was at {time_of_day(self.as_of, self.now)}" if self.as_of else ""
        )
        return f"{NOBODY_WORKS}{written}: {GOES_ON}"


def _list(options: argparse.Namespace) -> int:
    from master.runs.control.place import is_working
    from master.storage.journal_snapshot import open_snapshot
    from master.verbs.common.run_directory import jobs_of, layout_of
    from master.verbs.common.selection import Wish, select

    limit = options.limit if options.limit is not None else (0 if options.json else MOST_SHOWN)
    layout = layout_of(options.run)
    works = is_working(layout)  # asked first: a master may end the run meanwhile
    with open_snapshot(layout.journal) as snapshot:
        run = jobs_of(snapshot)
        fields = snapshot.fields() if options.where or options.json else {}
        wish = Wish(options.state, options.where, options.sort, options.reverse)
        now = snapshot.now()
        found = select(run, fields, wish, now)
        shown = found[:limit] if limit else found
        left = _time_left(layout) if works else None
        counts = Counter(run.standing(job_id).state for job_id in run.jobs)
        as_of = max((each.since for each in run.standings.values()), default=0.0)
        rows = [item.parsed() for item in shown]
        listing = Listing(snapshot.run_id(), counts, len(found), rows, left, works, as_of, now)
    if options.json:
        json.dump(_as_json(listing), sys.stdout, indent=1)
        print()
    else:
        from master.verbs.common.columns import terminal_width

        print("\n".join(lines(listing, terminal_width())))
    return 0


def _time_left(layout: RunLayout) -> Mapping[str, Any] | None:
    """Ask the master that works in the run; what it cannot say is not worth an error."""
    from master.errors import TwophaseError
    from master.runs.control.answers import TIME_LEFT
    from master.runs.control.client import ask

    with suppress(TwophaseError):
        return ask(layout, TIME_LEFT)
    return None


def _as_json(listing: Listing) -> dict[str, Any]:
    from master.core.timestamps import iso
    from master.runs.job_json import job_json

    jobs = [
        {**job_json(item.row), "since": iso(item.standing.since or None), "parameters": item.fields}
        for item in listing.rows
        if item.row
    ]
    return {
        "run_id": listing.run_id,
        "counts": dict(listing.counts),
        "matching": listing.matching,
        "time_left": listing.time_left,
        "master": {
            "works": listing.is_working,
            "as_of": iso(listing.as_of or None),
            "says": listing.no_master,
        },
        "jobs": jobs,
    }


def lines(listing: Listing, width: int | None) -> Iterator[str]:
    """Yield what is shown on a terminal of so many columns; None for what is none, where all is shown."""
    from master.verbs.common.columns import fitted, wrapped

    if listing.rows:
        cells = [_cells(item.row, item.seconds, width) for item in listing.rows if item.row]
        yield from fitted([_COLUMNS, *cells], width)
    if listing.matching > len(listing.rows):
        yield f"… and {listing.matching - len(listing.rows):,} more: --limit 0 shows all"
    total = sum(listing.counts.values())
    left = f"; {text}" if (text := _left_text(listing.time_left)) else ""
    yield wrapped(
        f"{listing.matching:,} of {total:,} jobs; {counted(listing.counts) or 'none yet'}{left}", width
    )
    if listing.no_master:
        yield wrapped(listing.no_master, width)


def _left_text(told: Mapping[str, Any] | None) -> str:
    """Say how long it takes until all have ended; nothing where that is not known."""
    if not told or not (found := told.get("experiments") or told.get("base_models")):
        return ""
    from master.core.running.forecast.time_left import TimeLeft
    from master.view.wording import left_text

    if not found["high_s"]:
        return ""
    of = "" if told.get("experiments") else "of the base models "
    return of + left_text(TimeLeft(found["low_s"], found["middle_s"], found["high_s"]))


def _cells(row: JobRow, seconds: float | None, width: int | None) -> tuple[str, ...]:
    from master.core.harmless import clean
    from master.view.wording import duration

    why = clean(row.error)
    most = max(_MOST_OF_A_REASON, width or 0)
    why = why if len(why) <= most else f"{why[:most]}…"
    worker = clean(row.where) or "–"
    return row.state.value, duration(seconds), str(row.attempts), worker, clean(row.job_id), why
