"""A small run with a pool, for tests."""

from __future__ import annotations

from typing import Any

from master.core.planning.plan import Job
from master.core.running import commands as cmd
from master.core.running import events as ev
from master.core.running.fleet.seats import Pool, Seat, SeatState
from master.core.running.policy import Policy
from master.core.running.records import Outbox
from tests.support.endings import finished
from tests.unit.master.core.running.stage import LEASE_S, Stage

HOUR_S = 3600.0


class PoolStage(Stage):
    """A run on the seats `hpc.1`, `hpc.2` … of one pool, and on other workers where given."""

    def __init__(
        self,
        *jobs: Job,
        seats: int = 3,
        others: tuple[str, ...] = (),
        policy: Policy | None = None,
        seen: bool = True,
        **terms: Any,
    ) -> None:
        self.seats = [f"hpc.{number}" for number in range(1, seats + 1)]
        self.terms = {"time_s": HOUR_S, "idle_s": 300.0, **terms}
        super().__init__(*jobs, workers=[*others, *self.seats], policy=policy or Policy(lease_s=LEASE_S))
        if seen:
            self.seen()

    def _join_pools(self) -> None:
        self.state.pools["hpc"] = Pool("hpc", len(self.seats), **self.terms)
        for name in self.seats:
            self.state.workers[name].seat = Seat("hpc")

    @property
    def pool(self) -> Pool:
        return self.state.pools["hpc"]

    def seat(self, name: str = "hpc.1") -> Seat:
        seat = self.state.workers[name].seat
        assert seat is not None
        return seat

    def states(self) -> list[str]:
        return [self.seat(name).state.value for name in self.seats]

    def seen(self) -> list[cmd.Command]:
        return self.commands(ev.PoolSeen(self.at, "hpc"))

    def commands(self, event: ev.Event) -> list[cmd.Command]:
        return self.take(event).commands

    def tick(self, after_s: float = 0.25) -> Outbox:
        """Let time pass in which the engine answers."""
        self.at += after_s
        self.take(ev.PoolSeen(self.at, "hpc"))
        return self.take(ev.Tick(self.at))

    def asked(self, after_s: float = 0.25) -> list[str]:
        """Return the seats for which an allocation is asked for when time passes."""
        return [each.worker for each in self.tick(after_s).commands if isinstance(each, cmd.SubmitSeat)]

    def given_back(self, after_s: float = 0.25) -> list[str]:
        """Return the seats whose allocation is given back when time passes."""
        return [each.worker for each in self.tick(after_s).commands if isinstance(each, cmd.CancelSeat)]

    def pends(self, name: str = "hpc.1", reason: str = "Priority") -> list[cmd.Command]:
        return self.commands(ev.SeatPending(self.at, name, f"j-{name}", reason))

    def runs(self, name: str = "hpc.1", for_s: float = HOUR_S) -> list[cmd.Command]:
        return self.commands(ev.SeatRunning(self.at, name, f"j-{name}", self.at + for_s, "n1"))

    def ends(self, name: str = "hpc.1", reason: str = "") -> list[str]:
        return self.tell(ev.SeatEnded(self.at, name, reason))

    def lent(self, name: str = "hpc.1", slots: int = 1, for_s: float = HOUR_S) -> list[str]:
        """Let an allocation run, and its agent answer."""
        self.seat(name).turn(SeatState.ASKED, self.at)
        self.runs(name, for_s)
        return self.up(name, slots=slots)

    def does(self, name: str, job_id: str, attempt: int = 1) -> None:
        """Let an attempt start, end well and come home."""
        self.take(ev.AttemptStarted(self.at, name, job_id, attempt))
        self.take(ev.AttemptFinished(self.at, name, job_id, attempt, finished("succeeded")))
        self.take(ev.Collected(self.at, job_id, attempt, "x"))
