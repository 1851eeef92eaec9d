"""`twophase set`: what goes first, how much runs at a time, in all and on a worker, and who is told."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from master.commands.frame import Command
from master.commands.options.flag_types import bounded
from master.commands.options.jobs import private_file
from master.commands.options.parser import new_parser
from master.errors import UsageError
from master.verbs.common.options import add_job_filters
from master.verbs.common.ordering import ORDER_EXIT_CODES, add_order_options, carry_out

NAME = "set"
WAITING = ("pending", "ready")
UNLIMITED = "unlimited"
ALL = "all"
_DESCRIPTION = """\
Change how a running master goes on: which jobs go first, how many run at a time, in all or on a worker, and
who is told of the run.  It holds for the next starts of the run too, until it is set otherwise; who is told
only until this start ends."""
_EPILOG = f"""\
{ORDER_EXIT_CODES}

examples:
  twophase set --priority 10 --where lr=1e-3
  twophase set --at-once 4 --why 'others need the GPUs'
  twophase set --at-once {UNLIMITED}
  twophase set --slots 1 lab4 --why 'bob works there'
  twophase set --slots {ALL} lab4
  twophase set --notify ~/.config/twophase/told"""


def main(words: Sequence[str]) -> int:
    """Change what is asked for and return the exit code."""
    command = Command(f"twophase {NAME}")
    return command.run(lambda: _set(command, parser().parse_args(words)))


def parser() -> argparse.ArgumentParser:
    """Return the parser."""
    result = new_parser(f"twophase {NAME}", _DESCRIPTION, _EPILOG, allow_abbrev=False)
    what = result.add_mutually_exclusive_group(required=True)
    priority = bounded(int, -1_000_000, 1_000_000, "priority (a whole number)")
    first = "the jobs go before those of a lower one (0); only what has not started"
    what.add_argument("--priority", type=priority, metavar="N", help=first)
    most = f"run at most so many jobs at a time; 0: start nothing more for now; {UNLIMITED}: as there is room"
    what.add_argument("--at-once", type=_at_once, metavar="N", help=most)
    slots = f"give the workers that are named at most so many jobs at a time; {ALL}: as they have slots"
    what.add_argument("--slots", type=_slots, metavar="N", help=slots)
    told = "a file of addresses (mode 600) that are told of the end, the next failure and lost workers"
    what.add_argument("--notify", type=private_file, metavar="F", help=told)
    add_job_filters(result, "with --priority: which (with --slots: workers)")
    add_order_options(result)
    return result


def _at_once(text: str) -> int | str:
    return UNLIMITED if text == UNLIMITED else bounded(int, 0, 10**9, "number")(text)


_at_once.__name__ = f"number (0 or more, or {UNLIMITED})"


def _slots(text: str) -> int:
    return 0 if text == ALL else bounded(int, 1, 10**6, "number")(text)


_slots.__name__ = f"number (1 or more, or {ALL}; `twophase pause` gives a worker nothing)"


def _set(command: Command, options: argparse.Namespace) -> int:
    from master.verbs.common.aim import aim

    if options.priority is not None:
        order = aim(options, fit=WAITING).order(priority=options.priority)
        return carry_out(command, options, "set-priority", order)
    if options.slots is not None:
        return carry_out(command, options, "set-slots", _of_workers(options))
    if options.jobs or options.state or options.where:
        what = "--at-once" if options.notify is None else "--notify"
        raise UsageError(f"{what} is of the whole run: give it without jobs")
    if options.notify is not None:
        return carry_out(command, options, "set-notify", {"addresses": _addresses(options.notify)})
    most = None if options.at_once == UNLIMITED else options.at_once
    return carry_out(command, options, "set-at-once", {"most": most})


def _addresses(path: Path) -> str:
    """Return the absolute path of a file of addresses.  Raises ConfigError where nobody could be told so."""
    from master.intake.secrets.notify import with_notify
    from master.notify.sending import check_can_be_sent
    from master.specs import ClusterSpec

    told = with_notify(ClusterSpec(()), path, "")
    check_can_be_sent(told, "--notify")
    assert told.notify is not None and told.notify.addresses is not None
    return told.notify.addresses


def _of_workers(options: argparse.Namespace) -> dict[str, object]:
    if not options.jobs or options.state or options.where:
        raise UsageError("--slots is of workers: name them")
    return {"workers": options.jobs, "slots": options.slots}
