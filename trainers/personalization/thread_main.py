"""`personalization` within a process that runs many jobs of it, alone or several as one model."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from trainers.common.errors import TrainerError, exit_code_of
from trainers.personalization.job import Surroundings, task_of
from trainers.personalization.options import parse
from trainers.personalization.together import Task, run_together
from worker_agent.protocol.members import EXIT_CANCELLED, Member
from worker_agent.protocol.script_contract import ScriptContract

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


def thread_main(argv: Sequence[str], environ: Mapping[str, str], output: TextIO) -> int:
    """Run the job that the flags name, telling `output`; return the exit code."""
    alone = _Alone(argv, environ, os.curdir, output)
    group_main([alone])
    return alone.code


def group_main(members: Sequence[Member]) -> None:
    """Run the jobs of all members; networks of one shape are trained as one model.

    Each member ends by itself, with its own exit code and message.
    """
    begun = [(member, task) for member in members if (task := _begun(member)) is not None]
    run_together([task for _, task in begun], lambda number, error: _end(begun[number][0], error))


def _begun(member: Member) -> Task | None:
    """Return the run of a member; None where it has none and has ended."""
    try:
        with _PARSING, contextlib.redirect_stderr(member.output):  # where argparse tells what is wrong
            options = parse(member.argv)
        return task_of(options, _surroundings(member))
    except SystemExit as error:
        member.finish(error.code if isinstance(error.code, int) else 1)
    except (TrainerError, OSError) as error:
        _end(member, error)
    return None


def _surroundings(member: Member) -> Surroundings:
    return Surroundings(
        contract=ScriptContract.from_environ(member.environ),
        told=member.output,
        warned=member.output,
        root=Path(member.directory),
        may_go_on=_leave_if(member.cancelled),
    )


def _leave_if(cancelled: Callable[[], bool]) -> Callable[[], None]:
    def may_go_on() -> None:
        if cancelled():
            raise Cancelled("cancelled")

    return may_go_on


def _end(member: Member, error: Exception | None) -> None:
    def work() -> None:
        if error is not None:
            raise error

    member.finish(exit_code_of(work, "error", member.output))
