"""The words that all reading verbs take."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from master.commands.options.parser import new_parser
from master.view.answers.states import STATES

EXIT_CODES = """\
exit codes:
  0 done    2 wrong words, or no such run, job or field    3 the journal cannot be read"""


def reading_parser(verb: str, description: str, epilog: str) -> argparse.ArgumentParser:
    """Return a parser of a verb that reads a run directory; `epilog` has its exit codes and an example."""
    parser = new_parser(f"twophase {verb}", description, epilog, allow_abbrev=False)
    add_run_options(parser)
    return parser


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say of which run, and for whom."""
    run = "the run's directory, as --run-dir of the run (here)"
    parser.add_argument("--run", type=Path, default=Path(), metavar="DIR", help=run)
    parser.add_argument("--json", action="store_true", help="one JSON object (docs/verbs.schema.json)")


def add_filters(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose jobs by their state and by their fields."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--state", type=_states, metavar="S,…", help=f"in these states: {', '.join(STATES)}")
    which.add_argument(
        "--failed", dest="state", action="store_const", const=("failed",), help="--state failed"
    )
    where = "whose field has this value; several must all hold"
    parser.add_argument("--where", type=named, action="append", default=[], metavar="NAME=V", help=where)


def add_job_filters(parser: argparse.ArgumentParser, which: str) -> None:
    """Add the words and the options that tell which jobs an order is about."""
    many = f"{which}: an id, the end of one, the start of a base model's hash, or a pattern such as 'alpha/*'"
    parser.add_argument("jobs", nargs="*", metavar="JOB", help=many)
    add_filters(parser)


def _states(text: str) -> tuple[str, ...]:
    states = tuple(part.strip() for part in text.split(","))
    for state in states:
        if state not in STATES:
            raise argparse.ArgumentTypeError(f"{state} is no state: {_meant(state)}")
    return states


def _meant(state: str) -> str:
    from master.core.nearest import near

    alike = near(state, STATES)
    return f"did you mean {alike}?" if alike else f"allowed are {', '.join(STATES)}"


def named(text: str) -> tuple[str, Any]:
    """Return a field and its value of `lr=1e-3`."""
    from master.intake.sweeps.words import named_value

    try:
        return named_value(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
