"""A small run for tests: events go in, what comes out is read as short lines."""

from __future__ import annotations

from collections.abc import Iterable

from master.core.planning.plan import BASE_MODELS, Job, Plan
from master.core.running import commands as cmd
from master.core.running import events as ev
from master.core.running.commands import Transition
from master.core.running.lifecycle import State
from master.core.running.orders.order import By, Order, Ordered, Reply
from master.core.running.policy import Policy
from master.core.running.records import Outbox, RunState
from master.core.running.recovery import recover
from master.core.running.run_state import begin, step
from master.specs import PruneSpec
from tests.support.endings import finished

BASE = f"{BASE_MODELS}/x"
"""The job that trains the base model `x`; its attempt `n` makes the content `x#n`."""
LEASE_S = 300.0
ANNA = By(1000, "anna", 4711)
"""The user who gives orders."""


_WORDS = {cmd.StartAttempt: "start", cmd.CollectFailedAttempt: "collect failed"}


def job(name: str = "job", needs: str | None = None) -> Job:
    return Job(name, phase=2, needs=needs)


def base(spec: str = "x") -> Job:
    return Job(f"{BASE_MODELS}/{spec}", phase=1, makes=spec)


def told(out: Outbox) -> list[str]:
    """Return an outbox as lines: the transitions, then the commands."""
    moves = [f"{t.job_id} {t.trigger.value}#{t.attempt}@{t.worker}: {t.state.value}" for t in out.transitions]
    moves += [f"{t.job_id} {t.trigger.value} {_figure(t.measured)}" for t in out.remarks]
    return moves + [_command(command) for command in out.commands]


def _figure(measured: cmd.Measured | None) -> str:
    return f"{measured.value:g} at {measured.step:g}" if measured else ""


def _command(command: cmd.Command) -> str:
    match command:
        case cmd.Finish(exit_code):
            return f"finish {exit_code}"
        case cmd.Halt(reason):
            return f"halt {reason}"
        case cmd.DropCheckpoints(worker, job_id):
            return f"drop checkpoints {job_id} {worker}"
        case cmd.Pause(worker, reason, seconds):
            return f"pause {worker} {seconds:g} s: {reason}"
        case cmd.Tell(text):
            return f"tell {text}"
        case cmd.TellPeople(addresses):
            return f"tell-people {addresses}"
        case cmd.HaveSlots(worker, least):
            return f"have slots {least} {worker}"
        case cmd.TakeJobs(jobs):
            return f"take jobs {' '.join(jobs)}"
        case cmd.StartGroup(worker, attempts):
            members = " ".join(f"{job_id}#{attempt}" for job_id, attempt in attempts)
            return f"start {members}@{worker}"
        case cmd.Resume(worker):
            return f"resume {worker}"
        case cmd.Connect(worker):
            return f"connect {worker}"
        case cmd.SubmitSeat(worker) | cmd.CancelSeat(worker) | cmd.Reach(worker) | cmd.Unreach(worker):
            return f"{type(command).__name__.lower()} {worker}"
        case cmd.LetGo(worker, answers):
            return f"let go {worker}" + ("" if answers else ", which does not answer")
        case cmd.Serve(worker, _, transfer, takers):
            return f"serve #{transfer} {worker} to {' '.join(takers)}"
        case cmd.Take(worker, _, transfer, source, addresses, port):
            return f"take #{transfer} {worker} from {source} at {addresses[0]}:{port}"
        case cmd.Deliver(worker, what) | cmd.Fetch(worker, what):
            return f"{type(command).__name__.lower()} {what} {worker}"
        case _:
            word = _WORDS.get(type(command)) or type(command).__name__.lower()
            return f"{word} {command.job_id}#{command.attempt}@{command.worker}"


class Stage:
    """A run and its journal."""

    def __init__(
        self,
        *jobs: Job,
        workers: Iterable[str] = ("w1", "w2"),
        in_store: dict[str, str] | None = None,
        policy: Policy | None = None,
        prune: PruneSpec | None = None,
    ) -> None:
        self.plan = Plan(jobs, in_store or {}, prune=prune)
        self.policy = policy or Policy(lease_s=LEASE_S, backoff_s=5.0)
        self.workers = list(workers)
        self.journal: list[Transition] = []
        self.orders: list[Ordered] = []
        self.reply: Reply | None = None
        """To the last order."""
        self.at = 0.0
        self.state = RunState.fresh(self.plan, self.policy, self.workers)
        self._join_pools()
        self.begun = self._keep(begin(self.state, self.at))

    def restart(
        self, *jobs: Job, workers: Iterable[str] = (), in_store: dict[str, str] | None = None
    ) -> list[str]:
        """Begin again from the journal, with other jobs, workers or store where given."""
        store = self.plan.in_store if in_store is None else in_store
        plan = Plan(jobs or self.plan.jobs, store, prune=self.plan.prune)
        self.state = recover(plan, self.policy, list(workers) or self.workers, self.journal, self.orders)
        self._join_pools()
        return self._keep(begin(self.state, self.at))

    def _join_pools(self) -> None:
        """Nobody has pools here."""

    def _keep(self, out: Outbox) -> list[str]:
        self.journal += [*out.transitions, *out.remarks]
        self.orders += out.orders
        self.reply = out.reply or self.reply
        return told(out)

    def tell(self, event: ev.Event) -> list[str]:
        return told(self.take(event))

    def take(self, event: ev.Event) -> Outbox:
        out = step(self.state, event)
        self._keep(out)
        return out

    def order(self, order: Order, why: str = "", *, dry_run: bool = False) -> list[str]:
        """Let the user anna give an order."""
        self.reply = None
        return self.tell(Ordered(self.at, ANNA, order, why, dry_run))

    def said(self) -> list[str]:
        """Return the reply to the last order as lines."""
        assert self.reply is not None
        refused = (f"not {item.name}: {item.says}" for item in self.reply.refused)
        return [*(f"{item.name}: {item.says}" for item in self.reply.done), *refused]

    def up(
        self,
        worker: str,
        *attempts: ev.Attempt,
        slots: int = 1,
        cached: Iterable[str] = (),
        disk: str = "",
        is_peer: bool = False,
    ) -> list[str]:
        return self.tell(
            ev.WorkerUp(
                *(self.at, worker, slots),
                attempts=frozenset(attempts),
                cached=frozenset(cached),
                disk=disk,
                is_peer=is_peer,
            )
        )

    def lost(self, worker: str) -> list[str]:
        return self.tell(ev.WorkerLost(self.at, worker, "broken pipe"))

    def staging(self, worker: str, job_id: str, attempt: int) -> list[str]:
        return self.tell(ev.AttemptStaging(self.at, worker, job_id, attempt))

    def started(self, worker: str, job_id: str, attempt: int) -> list[str]:
        return self.tell(ev.AttemptStarted(self.at, worker, job_id, attempt))

    def ended(
        self, worker: str, job_id: str, attempt: int, outcome: str = "succeeded", **more: object
    ) -> list[str]:
        end = finished(outcome, **{"duration_s": 60.0, **more})
        return self.tell(ev.AttemptFinished(self.at, worker, job_id, attempt, end))

    def home(self, job_id: str, attempt: int) -> list[str]:
        content = f"x#{attempt}" if job_id == BASE else ""
        return self.tell(ev.Collected(self.at, job_id, attempt, content))

    def wait(self, seconds: float) -> list[str]:
        self.at += seconds
        return self.tell(ev.Tick(self.at))

    def run_on(self, worker: str, job_id: str, attempt: int) -> None:
        """Bring a connected worker's attempt from assigned to running."""
        assert self.state.jobs[job_id].worker == worker
        self.started(worker, job_id, attempt)
        assert self.stands(job_id) is State.RUNNING

    def silent(self, worker: str) -> list[str]:
        """Let a worker fall silent for longer than a lease."""
        assert self.lost(worker) == []
        return self.wait(LEASE_S + 1)

    def stands(self, job_id: str) -> State:
        return self.state.jobs[job_id].state


def one_running() -> Stage:
    """`job#1` runs on `w1`, and `w2` has room."""
    run = Stage(job())
    run.up("w1")
    run.run_on("w1", "job", 1)
    run.up("w2")
    return run


def one_running_alone() -> Stage:
    """`job#1` runs on `w1`, the only worker."""
    run = Stage(job(), workers=["w1"])
    run.up("w1")
    run.run_on("w1", "job", 1)
    return run


def two_running() -> Stage:
    """`job#1` was orphaned on `w1`, its replacement `job#2` runs on `w2`."""
    run = one_running()
    assert run.silent("w1") == ["job lose#1@w1: ready", "job assign#2@w2: assigned", "start job#2@w2"]
    run.run_on("w2", "job", 2)
    return run
