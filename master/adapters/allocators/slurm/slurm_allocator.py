"""Slurm as an allocator: its programs on a login host, or here."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

from master import steady_clock
from master.adapters.allocators.absences import Absences
from master.adapters.allocators.allocator import (
    Allocation,
    AllocationRefused,
    AllocationState,
    Checked,
    LookFailed,
)
from master.adapters.allocators.doubles import choose
from master.adapters.allocators.names import allocation_name
from master.adapters.allocators.pilots import MakePilot, Pilot
from master.adapters.allocators.slurm import checking, commands, parsing, reasons
from master.adapters.session import Completed, Session
from master.errors import DiskFull, SessionLost, WorkerUnusable
from master.specs import PoolSpec

NO_PROGRAM = 127
ANSWER_S = 60.0
"""A controller under load takes its time; one that is away is given up by Slurm's programs themselves."""

_T = TypeVar("_T")

Clock = Callable[[], float]


class SlurmAllocator:
    """The allocations of one pool in one run."""

    def __init__(
        self,
        pool: PoolSpec,
        open_login: Callable[[], Session],
        run_id: str,
        pilot: MakePilot,
        now: Clock = steady_clock.now,
        steady: Clock = time.monotonic,
    ) -> None:
        """`open_login` makes a session to the login host, again after one was lost; `now` is our clock."""
        self._pool, self._open_login, self._pilot = pool, open_login, pilot
        self._now, self._steady = now, steady
        self._names = {seat.name: allocation_name(run_id, seat.name) for seat in pool.all_seats}
        self._absences = Absences()
        self._logs: dict[str, str] = {}
        """Of the last submission for each seat."""
        self._unsure: set[str] = set()
        """Seats of which a submission may have gone through that nobody has confirmed."""
        self._session: Session | None = None

    def submit(self, seat: str) -> str:
        """Ask for an allocation; one that the seat has already is taken instead."""
        if seat in self._unsure:
            found = self.look().get(seat)
            if found and found.state is not AllocationState.GONE:
                return found.allocation_id
        pilot = self._made_ready(seat)
        self._unsure.add(seat)
        self._logs[seat] = f"{pilot.log_dir}/{pilot.log_name}"
        argv = commands.submit(self._pool, self._names[seat], pilot)
        try:
            number = parsing.submitted_id(self._answer(argv, "sbatch"))
        except AllocationRefused:
            self._unsure.discard(seat)
            raise
        except parsing.NoAnswer as error:
            raise LookFailed(self._host, f"no id in the answer of sbatch: {error}") from error
        self._unsure.discard(seat)
        self._absences.expect(Allocation(seat, number, AllocationState.QUEUED))
        return number

    def _made_ready(self, seat: str) -> Pilot:
        """Bring the agent to the login host.  Raises AllocationRefused where it cannot be there."""
        try:
            return self._in_session(lambda session: self._pilot(session, seat))
        except (WorkerUnusable, DiskFull) as error:
            problem = f"its agent cannot be brought to {self._host}: {error.brief}"
            cure = "`twophase doctor` says when that is mended"
            raise AllocationRefused(
                self._pool.name, problem, cure, passing=isinstance(error, DiskFull)
            ) from error

    def look(self) -> Mapping[str, Allocation]:
        """Return the allocations of all seats."""
        try:
            found = self._found()
        except (LookFailed, SessionLost):
            self._absences.failed()
            raise
        self._unsure.clear()
        chosen = choose(found, self._absences.known)
        for double in chosen.surplus:
            with suppress(LookFailed, SessionLost):  # the next look finds it again
                self.cancel(double.allocation_id)
        return self._absences.seen(chosen.found, self._steady())

    def _found(self) -> Sequence[Allocation]:
        seats = {name: seat for seat, name in self._names.items()}
        try:
            text = self._answer(commands.look(sorted(seats)), "squeue")
            found = parsing.queue(text, seats, self._now())
            return [self._explained(each) for each in found]
        except parsing.NoAnswer as error:
            raise LookFailed(self._host, f"no answer of squeue: {error}") from error
        except AllocationRefused as error:
            raise LookFailed(self._host, f"squeue fails: {error.said or error.problem}") from error

    def _explained(self, found: Allocation) -> Allocation:
        """Say where it is told why an agent failed: Slurm knows no more than that it did."""
        if parsing.NOT_BEGUN in found.reason:
            folder = self._pool.login.state_dir
            why = f"its node cannot begin it: does `state_dir` {folder} lie on a disk that nodes share?"
            return replace(found, reason=f"{found.reason}, {why}")
        log = self._logs.get(found.seat)
        if log is None or not found.reason.startswith(parsing.FAILED):
            return found
        return replace(found, reason=f"{found.reason}, {log} on {self._host} may tell why")

    def cancel(self, allocation_id: str) -> None:
        """Give an allocation back."""
        try:
            self._answer(commands.cancel(allocation_id), "scancel")
        except AllocationRefused as error:
            if "Invalid job id" not in error.said and "already" not in error.said:
                raise LookFailed(self._host, f"scancel {allocation_id} fails: {error.said}") from error

    def check(self) -> Checked:
        """Say what would come of a submission."""
        try:
            there = parsing.site(self._answer(commands.questions(self._pool), "sbatch", may_fail=True))
        except AllocationRefused as error:
            return Checked((f"{error.problem}: {error.cure}",))
        done = self._run(commands.test_only(self._pool, next(iter(self._names.values()))))
        stderr = done.stderr.decode(errors="replace")
        if reasons.is_transient(stderr):
            raise LookFailed(self._host, "Slurm does not answer", stderr=stderr)
        return checking.checked(self._pool, there, stderr, done.exit_code == 0, self._now())

    def close(self) -> None:
        """End the session; allocations go on."""
        if self._session:
            self._session.close()
            self._session = None

    @property
    def _host(self) -> str:
        return self._pool.login.name

    def _answer(self, argv: Sequence[str], program: str, *, may_fail: bool = False) -> str:
        """Run a program; return what it says.  Raises what `submit` does."""
        done = self._run(argv)
        if done.exit_code == 0 or (may_fail and done.exit_code != NO_PROGRAM):
            return self._marked(done, program)
        stderr = done.stderr.decode(errors="replace")
        if reasons.is_transient(stderr) or done.exit_code == commands.TOO_LATE:
            raise LookFailed(
                self._host, f"Slurm does not answer {program}", stderr=reasons.last_words(done.stderr)
            )
        if done.exit_code == commands.NO_DIRECTORY:
            problem = f"its state directory cannot be made: {reasons.last_words(done.stderr)}"
            raise AllocationRefused(self._pool.name, problem, "set `state_dir` of the pool")
        if done.exit_code == NO_PROGRAM:
            raise AllocationRefused(self._pool.name, *checking.no_program(self._host, program))
        told = reasons.refusal(stderr)
        said = reasons.last_words(done.stderr)
        raise AllocationRefused(self._pool.name, told.problem, told.cure, said, passing=told.passing)

    def _marked(self, done: Completed, program: str) -> str:
        try:
            return parsing.answer(done.stdout)
        except parsing.NoAnswer as error:
            raise LookFailed(self._host, f"no answer of {program}: {error}") from error

    def _run(self, argv: Sequence[str]) -> Completed:
        return self._in_session(lambda session: session.run(argv, timeout_s=ANSWER_S))

    def _in_session(self, work: Callable[[Session], _T]) -> _T:
        """Do something on the login host; a session that was lost is made anew by the next call."""
        if self._session is None:
            self._session = self._open_login()
        try:
            return work(self._session)
        except SessionLost:
            self.close()
            raise
