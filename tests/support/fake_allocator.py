"""An engine that lends machines in a test: a queue in memory, nodes by name, and faults on demand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from master.adapters.allocators.allocator import (
    Allocation,
    AllocationRefused,
    AllocationState,
    Checked,
    LookFailed,
)
from master.adapters.allocators.doubles import choose


@dataclass
class FakeEngine:
    """The engine itself, which outlives the allocators that ask it."""

    nodes: Sequence[str] = ("n1", "n2")
    lasts_s: float = 3600.0
    now: Callable[[], float] = lambda: 0.0
    is_away: bool = False
    """It answers nothing."""
    refusal: AllocationRefused | None = None
    """What it says to every submission."""
    jobs: dict[str, tuple[str, Allocation]] = field(default_factory=dict)
    """Run and allocation by id, ended ones too."""
    submissions: list[str] = field(default_factory=list)
    """Seats, in the order in which they were asked for."""

    def take(self, run_id: str, seat: str) -> str:
        """Take an allocation into the queue; return its id."""
        self.submissions.append(seat)
        number = str(len(self.submissions))
        self.jobs[number] = run_id, Allocation(seat, number, AllocationState.QUEUED, "Resources")
        return number

    def schedule(self) -> None:
        """Give free nodes to those that wait, in their order."""
        taken = {job.node for _, job in self.jobs.values() if job.state is AllocationState.RUNNING}
        free = [node for node in self.nodes if node not in taken]
        for number, (run, job) in self.jobs.items():
            if job.state is AllocationState.QUEUED and free:
                begun = replace(job, state=AllocationState.RUNNING, reason="", node=free.pop(0))
                self.jobs[number] = run, replace(begun, ends_at=self.now() + self.lasts_s)

    def end(self, number: str, reason: str = "cancelled") -> None:
        """End an allocation."""
        run, job = self.jobs[number]
        self.jobs[number] = run, replace(job, state=AllocationState.GONE, reason=reason)

    def alive(self, run_id: str) -> list[str]:
        """Return which allocations of a run have not ended."""
        gone = AllocationState.GONE
        return [number for number, (run, job) in self.jobs.items() if run == run_id and job.state is not gone]

    def forget(self, number: str) -> None:
        """Name an allocation no more."""
        del self.jobs[number]


class FakeAllocator:
    """The allocations of one run on a fake engine."""

    def __init__(self, engine: FakeEngine, run_id: str) -> None:
        self._engine, self._run_id = engine, run_id
        self._known: dict[str, Allocation] = {}

    def submit(self, seat: str) -> str:
        """Ask for an allocation."""
        self._ask()
        if self._engine.refusal:
            raise self._engine.refusal
        return self._engine.take(self._run_id, seat)

    def look(self) -> Mapping[str, Allocation]:
        """Return the allocations of all seats, one of each."""
        self._ask()
        self._engine.schedule()
        mine = [job for run, job in self._engine.jobs.values() if run == self._run_id]
        chosen = choose(mine, self._known)
        for double in chosen.surplus:
            self._engine.end(double.allocation_id)
        self._known = dict(chosen.found)
        return chosen.found

    def cancel(self, allocation_id: str) -> None:
        """Give an allocation back."""
        self._ask()
        if allocation_id in self._engine.jobs:
            self._engine.end(allocation_id)

    def check(self) -> Checked:
        """Say what would come of a submission."""
        self._ask()
        refusal = self._engine.refusal
        return Checked((str(refusal),)) if refusal else Checked((), ("an allocation would begin at once",))

    def close(self) -> None:
        """Ask no more."""

    def _ask(self) -> None:
        if self._engine.is_away:
            raise LookFailed("fake", "the engine does not answer")
