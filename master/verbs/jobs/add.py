"""`twophase add`: more jobs for a run that goes on."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from master.commands.frame import Command
from master.commands.options.parser import new_parser
from master.errors import UsageError
from master.verbs.common.ordering import ORDER_EXIT_CODES, add_order_options, carry_out

NAME = "add"
_DESCRIPTION = """\
Add the jobs of another file to a running master, for the script, the code and the base models of its run.
They stay in the run: the same command goes on with them, though its own jobs file does not have them."""
_EPILOG = f"""\
The file is read once, and checked as the run's own; what that says of base models holds where this one says
nothing.  Base models that the run has, or has trained, are used; others are trained first.

{ORDER_EXIT_CODES}

examples:
  twophase add more_jobs.json --dry-run
  twophase add more_jobs.json --why 'the best rate is in between'"""


def main(words: Sequence[str]) -> int:
    """Add the jobs and return the exit code."""
    command = Command(f"twophase {NAME}")
    return command.run(lambda: _add(command, parser().parse_args(words)))


def parser() -> argparse.ArgumentParser:
    """Return the parser."""
    result = new_parser(f"twophase {NAME}", _DESCRIPTION, _EPILOG, allow_abbrev=False)
    result.add_argument("file", type=Path, help="the jobs, JSON or YAML, as for --jobs-config")
    add_order_options(result)
    return result


def _add(command: Command, options: argparse.Namespace) -> int:
    if not options.file.is_file():
        raise UsageError(f"{options.file}: there is no such file")
    return carry_out(command, options, NAME, {"path": str(options.file.resolve())})
