"""`twophase retry`: another try for jobs that failed, were cancelled or pruned, or are blocked."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from master.commands.frame import Command
from master.commands.options.parser import new_parser
from master.verbs.common.options import add_job_filters
from master.verbs.common.ordering import ORDER_EXIT_CODES, add_order_options, carry_out

NAME = "retry"
IN_VAIN = ("failed", "blocked", "cancelled", "pruned")
_DESCRIPTION = """\
Try jobs of a running master again that failed or were cancelled, with as many tries as at first.  Logs and
the history of earlier tries stay.  What a base model blocked goes on when its training is retried.  What was
pruned goes on from its checkpoint to its end, whatever others come to."""
_EPILOG = f"""\
Where the run is over, the command that started it tries again what failed, and with --retry-cancelled
what was cancelled.

{ORDER_EXIT_CODES}

examples:
  twophase retry --failed
  twophase retry 3f9c2a --why 'data mended'
  twophase retry --where lr=1e-3 --dry-run"""


def main(words: Sequence[str]) -> int:
    """Retry the jobs and return the exit code."""
    command = Command(f"twophase {NAME}")
    return command.run(lambda: _retry(command, parser().parse_args(words)))


def parser() -> argparse.ArgumentParser:
    """Return the parser."""
    result = new_parser(f"twophase {NAME}", _DESCRIPTION, _EPILOG, allow_abbrev=False)
    add_job_filters(result, "which to try again")
    add_order_options(result)
    return result


def _retry(command: Command, options: argparse.Namespace) -> int:
    from master.verbs.common.aim import aim

    return carry_out(command, options, NAME, aim(options, fit=IN_VAIN).order())
