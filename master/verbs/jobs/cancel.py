"""`twophase cancel`: jobs that end now, and stay ended until a retry."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from master.commands.frame import Command
from master.commands.options.parser import new_parser
from master.verbs.common.options import add_job_filters
from master.verbs.common.ordering import ORDER_EXIT_CODES, add_order_options, carry_out
from master.view.answers.states import STATES

NAME = "cancel"
ENDED_WELL = ("succeeded", "collecting")
_DESCRIPTION = """\
Cancel jobs of a running master: what runs is ended on its worker, what waits does not start.  They stay
cancelled when the same command goes on with the run, until `twophase retry`.  What has succeeded stays so."""
_EPILOG = f"""\
Jobs that start from a base model whose training is cancelled are blocked until that is retried.

{ORDER_EXIT_CODES}

examples:
  twophase cancel alpha/lr=1e-3_seed=2 --why 'diverges'
  twophase cancel --where lr=1e-1 --dry-run
  twophase cancel 'alpha/*' --state ready,pending"""


def main(words: Sequence[str]) -> int:
    """Cancel the jobs and return the exit code."""
    command = Command(f"twophase {NAME}")
    return command.run(lambda: _cancel(command, parser().parse_args(words)))


def parser() -> argparse.ArgumentParser:
    """Return the parser."""
    result = new_parser(f"twophase {NAME}", _DESCRIPTION, _EPILOG, allow_abbrev=False)
    add_job_filters(result, "which to cancel")
    add_order_options(result)
    return result


def _cancel(command: Command, options: argparse.Namespace) -> int:
    from master.verbs.common.aim import aim

    found = aim(options, fit=[state for state in STATES if state not in ENDED_WELL])
    return carry_out(command, options, NAME, found.order())
