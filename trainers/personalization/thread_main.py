"""`personalization` within a process that runs many jobs of it, alone or several as one model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO

from trainers.common.jobs.members import begun, leave_if_cancelled, run_alone, run_begun
from trainers.personalization.job import Surroundings, task_of
from trainers.personalization.options import parse
from trainers.personalization.together import Task, run_together
from worker_agent.protocol.members import Member
from worker_agent.protocol.script_contract import ScriptContract

_NAME = "error"


def thread_main(argv: Sequence[str], environ: Mapping[str, str], output: TextIO) -> int:
    """Run the job that the flags name, telling `output`; return the exit code."""
    return run_alone(group_main, argv, environ, output)


def group_main(members: Sequence[Member]) -> None:
    """Run the jobs of all members; networks of one shape are trained as one model.

    Each member ends by itself, with its own exit code and message.
    """
    run_begun(members, _begun, run_together, _NAME)


def _begun(member: Member) -> Task | None:
    """Return the run of a member; None where it has none and has ended."""
    return begun(member, lambda argv: task_of(parse(argv), _surroundings(member)), _NAME)


def _surroundings(member: Member) -> Surroundings:
    return Surroundings(
        contract=ScriptContract.from_environ(member.environ),
        told=member.output,
        warned=member.output,
        root=Path(member.directory),
        may_go_on=leave_if_cancelled(member),
    )
