"""How a verb gives an order to the running master and tells what came of it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from master.commands.frame import Command
from master.verbs.common.options import add_run_options

NOT_ALL = 1
ORDER_EXIT_CODES = """\
exit codes:
  0 done    1 not done, or not all: told on standard error    2 wrong words, or no such run, job or worker
  3 the journal cannot be read    5 no master is running on this run, nothing was done"""
_MOST_SHOWN = 20


def add_order_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that every order takes."""
    add_run_options(parser)
    add = parser.add_argument
    add("--why", default="", metavar="TEXT", help="why, for who reads the journal later")
    add("--dry-run", action="store_true", help="only tell what would be done")


def carry_out(command: Command, options: argparse.Namespace, verb: str, order: Mapping[str, Any]) -> int:
    """Give an order, as its fields, and print what came of it.

    Returns 1 where something was refused.  Raises NoMaster where no master runs, UsageError for wrong words.
    """
    from master.runs.control.client import order_all
    from master.verbs.common.run_directory import layout_of

    answered = order_all(layout_of(options.run), verb, order, options.why, dry_run=options.dry_run)
    if options.json:
        print(json.dumps(answered, indent=1))
    else:
        for line in lines(answered):
            print(line)
        for line in refusals(answered):
            command.say(line)
    return NOT_ALL if answered["refused"] or not answered["done"] else 0


def lines(answered: Mapping[str, Any]) -> Iterator[str]:
    """Yield what was done, or would be: a line for each thing, and one for all where they are many."""
    from master.core.harmless import clean

    would = "would " if answered["dry_run"] else ""
    yield from map(clean, _first(answered["done"], f"{would}{answered['verb']} "))
    yield from map(clean, answered["notes"])


def refusals(answered: Mapping[str, Any]) -> Iterator[str]:
    """Yield what was not done, and why."""
    return _first(answered["refused"], "")


def _first(items: Sequence[Mapping[str, str]], did: str) -> Iterator[str]:
    """Yield a line for each of the first, and how many more there are."""
    for item in items[:_MOST_SHOWN]:
        yield f"{did}{item['name']}: {item['says']}"
    if len(items) > _MOST_SHOWN:
        yield f"… and {len(items) - _MOST_SHOWN:,} more: --json tells all {len(items):,}"
