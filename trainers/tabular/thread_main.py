"""`tabular` within a process that runs many jobs of it, alone or several at once."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO

from trainers.common.jobs.members import begun, leave_if_cancelled, run_alone, run_begun
from trainers.tabular.cli import NAME, asked, build_parser
from trainers.tabular.job import Place, job_of
from trainers.tabular.running.tables import Tables
from trainers.tabular.running.together import Run, Task, run_together
from worker_agent.protocol.members import Member
from worker_agent.protocol.script_contract import ScriptContract

_tables = Tables(last=1)


def thread_main(argv: Sequence[str], environ: Mapping[str, str], output: TextIO) -> int:
    """Run the job that the flags name, telling `output`; return the exit code."""
    return run_alone(group_main, argv, environ, output)


def group_main(members: Sequence[Member]) -> None:
    """Run the jobs of all members; a table is read once, networks of one kind are stacked where that pays.

    Each member ends by itself, with its own exit code and message.
    """
    run_begun(members, _begun, run_together, NAME)


def _begun(member: Member) -> Task | None:
    """Return the job of a member; None where it has none and has ended."""
    may_go_on = leave_if_cancelled(member)

    def task(argv: Sequence[str]) -> Task:
        contract = ScriptContract.from_environ(member.environ)
        place = Place(contract, member.output, member.output, may_go_on, _tables, member.environ)
        return Task(_job(build_parser().parse_args(argv), place, Path(member.directory)), may_go_on)

    return begun(member, task, NAME)


def _job(arguments: argparse.Namespace, place: Place, root: Path) -> Run:
    request = asked(arguments, place.contract, place.stream, root=root)
    if request is not None:
        yield from job_of(arguments, request, place)
