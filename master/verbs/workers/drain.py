"""`twophase drain`: a worker that is wanted for something else."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import datetime

from master.commands.frame import Command
from master.commands.options.parser import new_parser
from master.verbs.common.ordering import ORDER_EXIT_CODES, add_order_options, carry_out
from master.verbs.workers.words import add_end, add_now, add_workers, end_of

NAME = "drain"
_DESCRIPTION = """\
Free workers for somebody else: they are given nothing more, and the run tells when nothing of it is there any
more.  What runs there goes on to its end; with --now it is interrupted and goes on elsewhere, from its
checkpoint where it has one, and that costs it no retry.  `twophase resume` ends it, or the time of --for or
--until."""
_EPILOG = f"""\
{ORDER_EXIT_CODES}

examples:
  twophase drain lab4 --why 'bob needs the GPU'
  twophase drain lab4 --now --until 18:00"""


def main(words: Sequence[str]) -> int:
    """Drain the workers and return the exit code."""
    command = Command(f"twophase {NAME}")
    return command.run(lambda: _drain(command, parser().parse_args(words)))


def parser() -> argparse.ArgumentParser:
    """Return the parser."""
    result = new_parser(f"twophase {NAME}", _DESCRIPTION, _EPILOG, allow_abbrev=False)
    add_workers(result)
    add_now(result)
    add_end(result)
    add_order_options(result)
    return result


def _drain(command: Command, options: argparse.Namespace) -> int:
    order = {"workers": options.workers, "until": end_of(options, datetime.now()), "now": options.now}
    return carry_out(command, options, NAME, order)
