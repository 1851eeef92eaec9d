"""`twophase resume`: a worker that is used again."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from master.commands.frame import Command
from master.commands.options.parser import new_parser
from master.verbs.common.ordering import ORDER_EXIT_CODES, add_order_options, carry_out
from master.verbs.workers.words import add_workers

NAME = "resume"
_DESCRIPTION = """\
Use workers again that were paused or drained.  One that gets nothing for a while because its place was bad (a
full disk) is tried at once."""
_EPILOG = f"""\
{ORDER_EXIT_CODES}

examples:
  twophase resume lab4
  twophase resume lab4 lab5"""


def main(words: Sequence[str]) -> int:
    """Use the workers again and return the exit code."""
    command = Command(f"twophase {NAME}")
    return command.run(lambda: _resume(command, parser().parse_args(words)))


def parser() -> argparse.ArgumentParser:
    """Return the parser."""
    result = new_parser(f"twophase {NAME}", _DESCRIPTION, _EPILOG, allow_abbrev=False)
    add_workers(result)
    add_order_options(result)
    return result


def _resume(command: Command, options: argparse.Namespace) -> int:
    return carry_out(command, options, NAME, {"workers": options.workers})
