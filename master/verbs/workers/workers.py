"""`twophase workers`: the workers of a running master, and who holds them."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from master.commands.frame import Command
from master.verbs.common.options import reading_parser
from master.view.answers.states import NOBODY_WORKS

NAME = "workers"
_COLUMNS = ("WORKER", "STATE", "SLOTS", "JOBS", "WHY")
_DESCRIPTION = """\
List the workers of a running master: whether they are up, how many jobs they have, and who holds them since
when and why."""
_EPILOG = """\
STATE is up, connecting, down, unusable, bad place (it is paused for a while by itself), paused, draining,
drained or leaving.  SLOTS are jobs at a time, and how many of them a user allows.

exit codes:
  0 done    2 wrong words, or no such run    3 the journal cannot be read    5 no master works in the run

examples:
  twophase workers
  twophase workers --json | jq -r '.workers[] | select(.hold) | .name'"""


def main(words: Sequence[str]) -> int:
    """List the workers and return the exit code."""
    return Command(f"twophase {NAME}").run(lambda: _list(parser().parse_args(words)))


def parser() -> argparse.ArgumentParser:
    """Return the parser."""
    return reading_parser(NAME, _DESCRIPTION, _EPILOG)


def _list(options: argparse.Namespace) -> int:
    from master.errors import NoMaster
    from master.runs.control.answers import WORKERS
    from master.runs.control.client import ask
    from master.verbs.common.columns import aligned
    from master.verbs.common.run_directory import layout_of

    told = ask(layout_of(options.run), WORKERS)
    if told is None:
        raise NoMaster(f"{NOBODY_WORKS}: the command that began it goes on with it")
    if options.json:
        print(json.dumps(told, indent=1))
    else:
        print("\n".join(aligned([_COLUMNS, *map(tuple, _rows(told))])))
    return 0


def _rows(told: Mapping[str, Any]) -> Iterator[Sequence[str]]:
    """Yield the cells of each worker."""
    from master.core.harmless import clean

    for worker in told["workers"]:
        slots = str(worker["slots"]) if worker["most"] is None else f"{worker['most']} of {worker['slots']}"
        jobs = str(worker["running"] + worker["to_come_home"])
        why = clean(_why(worker, told["at"]))
        yield clean(worker["name"]), worker["stands"], slots, jobs, why


def _why(worker: Mapping[str, Any], at: float) -> str:
    from master.core.running.fleet.holds import Hold
    from master.view.wording import hold_text

    slots = worker["held_by_others"]
    others = f"{slots:g} {'slot' if slots == 1 else 'slots'} held by other runs or users" if slots else ""
    held = "" if worker["hold"] is None else hold_text(Hold(**worker["hold"]), at)
    return "; ".join(filter(None, (held, worker["reason"], others)))
