"""`twophase add-worker`: a worker that joins a run."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from master.commands.frame import Command
from master.commands.options.parser import new_parser
from master.commands.options.usual_config import USUAL_CONFIG
from master.errors import UsageError
from master.verbs.common.ordering import ORDER_EXIT_CODES, add_order_options, carry_out

NAME = "add-worker"
_DESCRIPTION = """\
Take a worker into a run that goes on: a server of the cluster config by its name, with what that says of all
servers, one that --entry describes, or a seat of a pool that was removed.  It is connected like any, and
stays in the run when the same command goes on with it.  Variables that `env_from` names are those of the
running master."""
_EPILOG = f"""\
{ORDER_EXIT_CODES}

examples:
  twophase add-worker lab7
  twophase add-worker hpc.3
  twophase add-worker lab7 --cluster-config ~/lab/all_machines.json
  twophase add-worker --entry '{{"host": "lab7", "gpus": "auto"}}'"""


def main(words: Sequence[str]) -> int:
    """Add the worker and return the exit code."""
    command = Command(f"twophase {NAME}")
    return command.run(lambda: _add(command, parser().parse_args(words)))


def parser() -> argparse.ArgumentParser:
    """Return the parser."""
    result = new_parser(f"twophase {NAME}", _DESCRIPTION, _EPILOG, allow_abbrev=False)
    which = "a server of the cluster config, as its `host` calls it, or a seat of one of its pools"
    result.add_argument("name", nargs="?", metavar="WORKER", help=which)
    config = f"where it is listed ({USUAL_CONFIG}); with --entry: what holds for all servers"
    result.add_argument("--cluster-config", type=Path, metavar="FILE", help=config)
    entry = "a server as the cluster config has them, as one JSON object"
    result.add_argument("--entry", metavar="JSON", help=entry)
    add_order_options(result)
    return result


def _add(command: Command, options: argparse.Namespace) -> int:
    from master.verbs.workers.entry import config_with, named

    path = options.cluster_config or USUAL_CONFIG
    if (options.name is None) == (options.entry is None):
        raise UsageError("give a WORKER of the cluster config, or --entry, not both")
    if options.entry is not None:
        order = {"config": config_with(options.entry, options.cluster_config)}
    else:
        order = named(options.name, path)
    return carry_out(command, options, NAME, {**order, "folder": str(path.absolute().parent)})
