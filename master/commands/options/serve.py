"""The command line of `twophase serve`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from master.commands.options.parser import new_parser
from master.commands.options.run_two_phase import (
    CLUSTER_HELP,
    TwoPhaseOptions,
    add_limits,
    add_watching,
    check_page,
    parse,
)

NAME = "twophase serve"
_DESCRIPTION = """\
Stand by for jobs, without a jobs file: jobs are added while it goes on, each addition with its own script or
trainer, whose code is copied then, and with its own base models.  It ends when you end it, never for want of
jobs or of workers."""
EPILOG = """\
what happens:
  `twophase add jobs.json --script-path train.py --run DIR` adds jobs from another terminal, master.client
  from a Python program, and POST /api/jobs from any other.  All are in DIR: the same command goes on there
  with every addition, after Ctrl-C, a crash, or a reboot, also when the scripts have changed or gone.

  Ctrl-C once: running jobs may finish.  Twice: they are cancelled, and go on with the next start.
  What failed, or was cancelled by a user, waits for `twophase retry`.  Limits on failures count for each
  addition: where --max-failures of its jobs fail alike, those of it that wait are cancelled, and all others
  go on.  --give-up-after is how long a job waits for a machine of the kind that it needs.

exit codes:
  0 ended by you, all jobs have succeeded    1 … some have not    2 wrong command line, or DIR is in use
  3 a config file is invalid    130 interrupted, and jobs are left

examples:
  twophase serve ~/standing --cluster-config cluster_config.json --web
  twophase add sweep.json --script-path train.py --run ~/standing
  twophase add layers.json --trainer sae --name layers --run ~/standing
  twophase results --where _addition=layers --run ~/standing"""


def parser() -> argparse.ArgumentParser:
    """Return the parser."""
    result = new_parser(NAME, _DESCRIPTION, EPILOG, allow_abbrev=False)
    result.add_argument("run_dir", type=Path, metavar="DIR", help="where results and state go")
    result.add_argument("--cluster-config", type=Path, metavar="F", help=CLUSTER_HELP)
    add_limits(result.add_argument_group("how jobs run"))
    add_watching(result.add_argument_group("what is shown"))
    return result


def parse_serve(words: Sequence[str]) -> TwoPhaseOptions:
    """Return the options of a command line.  Ends the process with code 2 where it is wrong."""
    commands = parser()
    given = vars(commands.parse_args(words))
    check_page(commands, given)
    return replace(parse(["--verify"], NAME), verify=False, **given)
