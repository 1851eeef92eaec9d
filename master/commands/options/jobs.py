"""The options for how jobs run, which the commands share."""

from __future__ import annotations

import argparse
from pathlib import Path

from master.commands.options.flag_types import number_of_tries, patience, time_limit
from master.core.running.policy import Policy
from worker_agent.protocol.script_contract import DEFAULT_EXECUTOR, EXECUTORS, WARM


def private_file(text: str) -> Path:
    """Return a file of addresses; an address itself is refused, as others can read a command's words."""
    if "://" in text:  # which the error line must not repeat
        raise argparse.ArgumentTypeError(
            "an address may hold a password, and others can read a command: write it into a file,"
            " `chmod 600` that, and give the name of the file"
        )
    return Path(text)


def add_notify(group: argparse._ArgumentGroup) -> None:
    """Add the option that names who is told of a run."""
    told = "a file of addresses (mode 600) that are told of the end, the first failure and lost workers"
    group.add_argument("--notify", type=private_file, metavar="F", help=f"{told} (as in the cluster config)")


def add_job_options(group: argparse._ArgumentGroup, *, retries: int) -> None:
    """Add the options that hold for the jobs that do not say otherwise; `retries` is a default."""
    add = group.add_argument
    tries = f"further tries for a job that failed ({retries})"
    add("--retries", type=number_of_tries, default=retries, metavar="N", help=tries)
    timeout = "end a try that takes so long, as one that failed: seconds, or like 90s, 15m, 2h, 1d (no limit)"
    add("--timeout", type=time_limit, metavar="T", help=timeout)
    stall = "end a job that neither logs nor tells progress for so long (no limit)"
    add("--stall-timeout", type=time_limit, metavar="T", help=stall)
    give_up = (
        f"end the run when no worker has been of use for so long; 0: at once ({Policy.give_up_s / 60:g}m, "
        f"{Policy.never_up_s / 60:g}m for workers that were never up)"
    )
    add("--give-up-after", type=patience, metavar="T", help=give_up)
    missing = "use workers too whose Python lacks a module that all jobs import"
    add("--ignore-missing-modules", action="store_true", help=missing)
    usual = f"{WARM} for built-in trainers that can be forked, else {DEFAULT_EXECUTOR}"
    executor = f"what runs the jobs that do not say so: {', '.join(EXECUTORS)} ({usual})"
    add("--executor", metavar="E", help=executor)
