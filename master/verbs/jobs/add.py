"""`twophase add`: more jobs for a run that goes on."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from master.commands.frame import Command
from master.commands.options.parser import new_parser
from master.commands.options.run_two_phase import add_program_options
from master.errors import UsageError
from master.verbs.common.ordering import ORDER_EXIT_CODES, add_order_options, carry_out

NAME = "add"
_DESCRIPTION = """\
Add the jobs of another file to a running master.  Without more words they are for the script, the code and
the base models of its run; with --script-path, -m or --trainer they bring a program of their own, whose code
is copied now, and base models of their own.  They stay in the run: the same command goes on with them, though
its own jobs file does not have them."""
_EPILOG = f"""\
The file is read once, and checked as the run's own; what that says of base models holds where this one says
nothing and the own program of the run is meant.  Base models that the run has are used; others are
trained first.

Jobs with a program of their own are an addition, which has a name: --name, or that of the program, counted up
where its code has changed.  Their results lie below experiments/NAME/ unless they have a prefix, and NAME is
their field _addition: `twophase results --where _addition=NAME`.  All jobs of one name run the same code.

{ORDER_EXIT_CODES}

examples:
  twophase add more_jobs.json --dry-run
  twophase add more_jobs.json --why 'the best rate is in between'
  twophase add sae_jobs.json --trainer sae --name layers
  twophase add other.json --script-path ../other/train.py --run ~/standing"""


def main(words: Sequence[str]) -> int:
    """Add the jobs and return the exit code."""
    command = Command(f"twophase {NAME}")
    return command.run(lambda: _add(command, parser().parse_args(words)))


def parser() -> argparse.ArgumentParser:
    """Return the parser."""
    result = new_parser(f"twophase {NAME}", _DESCRIPTION, _EPILOG, allow_abbrev=False)
    result.add_argument("file", type=Path, help="the jobs, JSON or YAML, as for --jobs-config")
    own = result.add_argument_group("a program of their own")
    add_program_options(own)
    name = "what the addition is called (that of the program)"
    own.add_argument("--name", default="", metavar="NAME", help=name)
    add_order_options(result)
    return result


def _add(command: Command, options: argparse.Namespace) -> int:
    if not options.file.is_file():
        raise UsageError(f"{options.file}: there is no such file")
    own = {"program": _program(options), "name": options.name}
    order = {"path": str(options.file.resolve()), **{key: said for key, said in own.items() if said}}
    return carry_out(command, options, NAME, order)


def _program(options: argparse.Namespace) -> dict[str, str]:
    """Return what is to run the jobs, with whole paths: the master works elsewhere."""
    root = options.project_root or (Path() if options.module else None)
    told = {
        "script": options.script_path and str(options.script_path.expanduser().resolve()),
        "module": options.module,
        "trainer": options.trainer,
        "project_root": root and str(root.expanduser().resolve()),
        "flag_style": options.flag_style,
    }
    return {name: value for name, value in told.items() if value}
