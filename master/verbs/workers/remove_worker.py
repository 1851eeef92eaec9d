"""`twophase remove-worker`: a worker that goes from a run."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from master.commands.frame import Command
from master.commands.options.parser import new_parser
from master.verbs.common.ordering import ORDER_EXIT_CODES, add_order_options, carry_out
from master.verbs.workers.words import add_now, add_workers

NAME = "remove-worker"
_DESCRIPTION = """\
Take workers out of the run.  They are given nothing more, and go once what runs there has ended (--now: is
interrupted, and goes on elsewhere) and what they made is home.  Their agents end.  They stay out when the
same command goes on with the run, also where the cluster config lists them, until `twophase add-worker`."""
_EPILOG = f"""\
Where the last worker goes, the run waits for another one as long as for workers that do not answer
(--give-up-after).

{ORDER_EXIT_CODES}

examples:
  twophase remove-worker lab4 --why 'it is being reinstalled'
  twophase remove-worker lab4 --now"""


def main(words: Sequence[str]) -> int:
    """Remove the workers and return the exit code."""
    command = Command(f"twophase {NAME}")
    return command.run(lambda: _remove(command, parser().parse_args(words)))


def parser() -> argparse.ArgumentParser:
    """Return the parser."""
    result = new_parser(f"twophase {NAME}", _DESCRIPTION, _EPILOG, allow_abbrev=False)
    add_workers(result)
    add_now(result)
    add_order_options(result)
    return result


def _remove(command: Command, options: argparse.Namespace) -> int:
    return carry_out(command, options, NAME, {"workers": options.workers, "now": options.now})
