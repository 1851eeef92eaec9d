"""`twophase pause`: a worker that is given nothing more for a while."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import datetime

from master.commands.frame import Command
from master.commands.options.parser import new_parser
from master.verbs.common.ordering import ORDER_EXIT_CODES, add_order_options, carry_out
from master.verbs.workers.words import add_end, add_workers, end_of

NAME = "pause"
_DESCRIPTION = """\
Give workers nothing more, until `twophase resume` or for a time.  What runs there goes on to its end, what
waits there goes elsewhere.  It lasts when the same command goes on with the run.  Where all workers are
paused the run waits."""
_EPILOG = f"""\
{ORDER_EXIT_CODES}

examples:
  twophase pause lab4
  twophase pause lab4 lab5 --until 08:00 --why night
  twophase pause lab4 --for 2h"""


def main(words: Sequence[str]) -> int:
    """Pause the workers and return the exit code."""
    command = Command(f"twophase {NAME}")
    return command.run(lambda: _pause(command, parser().parse_args(words)))


def parser() -> argparse.ArgumentParser:
    """Return the parser."""
    result = new_parser(f"twophase {NAME}", _DESCRIPTION, _EPILOG, allow_abbrev=False)
    add_workers(result)
    add_end(result)
    add_order_options(result)
    return result


def _pause(command: Command, options: argparse.Namespace) -> int:
    until = end_of(options, datetime.now())
    return carry_out(command, options, NAME, {"workers": options.workers, "until": until})
