"""Jobs that train in one process, as a trainer sees them: what each is told, and how it ends."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TextIO, TypeVar

from trainers.common.errors import TrainerError, exit_code_of
from trainers.common.jobs.turns import Ended
from worker_agent.protocol.members import EXIT_CANCELLED, GroupMain, Member

Parsed = TypeVar("Parsed")
Begun = TypeVar("Begun")

_PARSING = threading.Lock()
"""Of two that redirect at once, the second would leave the log of the first in place for all."""


class Cancelled(TrainerError):
    """The job was to end before it was done."""

    exit_code = EXIT_CANCELLED


@dataclass
class _Alone:
    """The only member of a group."""

    argv: Sequence[str]
    environ: Mapping[str, str]
    directory: str
    output: TextIO
    code: int = 1

    def cancelled(self) -> bool:
        return False

    def finish(self, code: int) -> None:
        self.code = code


def run_alone(group_main: GroupMain, argv: Sequence[str], environ: Mapping[str, str], output: TextIO) -> int:
    """Run a job as a group of one in the working directory; return the exit code."""
    alone = _Alone(argv, environ, os.curdir, output)
    group_main([alone])
    return alone.code


def run_begun(
    members: Sequence[Member],
    begin: Callable[[Member], Begun | None],
    run_together: Callable[[Sequence[Begun], Ended], None],
    name: str,
) -> None:
    """Begin and run members' jobs; each ends by itself, with its own exit code and message after `name`.

    `begin` returns a member's job, None where it has none and has ended.
    """
    started = [(member, task) for member in members if (task := begin(member)) is not None]
    run_together([task for _, task in started], lambda number, error: end(started[number][0], error, name))


def begun(member: Member, parse: Callable[[Sequence[str]], Parsed], name: str) -> Parsed | None:
    """Return what a member's flags mean to `parse`; None where it has ended, told why after `name`."""
    try:
        with _PARSING, contextlib.redirect_stderr(member.output):  # where argparse tells what is wrong
            return parse(member.argv)
    except SystemExit as error:
        member.finish(error.code if isinstance(error.code, int) else 1)
    except (TrainerError, OSError) as error:
        end(member, error, name)
    return None


def leave_if_cancelled(member: Member) -> Callable[[], None]:
    """Return what raises Cancelled once the member is to end."""

    def may_go_on() -> None:
        if member.cancelled():
            raise Cancelled("cancelled")

    return may_go_on


def end(member: Member, error: Exception | None, name: str) -> None:
    """End a member: well, or by an error that its log tells after `name`."""

    def work() -> None:
        if error is not None:
            raise error

    member.finish(exit_code_of(work, name, member.output))
