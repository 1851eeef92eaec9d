"""Nothing is acknowledged or done before the journal has it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, cast

import pytest

from master.adapters.agent_client import WorkerLink
from master.adapters.inbox import Inbox, Noted, Received, Seen
from master.core.planning.plan import make_plan
from master.core.running import commands as cmd
from master.core.running import events as ev
from master.core.running.commands import Transition
from master.core.running.lifecycle import State, Trigger
from master.core.running.orders.order import Ordered
from master.core.running.policy import Policy
from master.core.running.records import Outbox, RunState
from master.core.running.run_state import step
from master.errors import InternalError, TwophaseError
from master.runs import dispatcher as dispatcher_module
from master.runs.dispatcher import Dispatcher, Ports, news_of
from master.runs.notices import Notices, Refreshed, Transitions
from master.runs.snapshot import SharedState
from master.storage.journal import Journal
from tests.support.endings import finished
from tests.support.scripted_run import jobs_spec
from worker_agent.protocol import messages as msg
from worker_agent.protocol.reports import Said

Done = tuple[str, Any]


@dataclass
class World:
    """Everything that a dispatcher acts on; `done` tells what happened, in order."""

    jobs: int = 2
    workers: Sequence[str] = ("lab1", "lab2")
    done: list[Done] = field(default_factory=list)
    inbox: Inbox = field(default_factory=SimpleQueue)
    journal_breaks_at: int = 0
    view_error: type[BaseException] | None = None
    orders: list[Ordered] = field(default_factory=list)

    def __post_init__(self) -> None:
        plan = make_plan(jobs_spec(self.jobs, 0), {})
        self.state = RunState.fresh(plan, Policy(retries=0), list(self.workers))
        links = cast(Mapping[str, WorkerLink], {name: _Line(name, self.done) for name in self.workers})
        shared, ports = SharedState(self.state), Ports(links, self, _launch, self)
        self.dispatcher = Dispatcher(
            shared, cast(Journal, self), self.inbox, ports, Notices([self]).tell, lambda: 0.0
        )

    def put(self, *events: ev.Event, worker: str = "lab1", seq: int = 0) -> None:
        """Queue events; with `seq` they have numbers from there."""
        for number, event in enumerate(events):
            self.inbox.put(Received(event, worker, seq and seq + number))

    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.done]

    def said(self, kind: str) -> list[Any]:
        return [what for each, what in self.done if each == kind]

    # the journal
    def append(self, transitions: Sequence[Transition], orders: Sequence[Ordered] = ()) -> None:
        self.orders += orders
        if self.journal_breaks_at and len(self.said("append")) + 1 == self.journal_breaks_at:
            raise TwophaseError("the journal cannot be written")
        self.done.append(("append", list(transitions)))

    # the fleet
    def connect(self, name: str) -> None:
        self.done.append(("connect", name))

    def let_go(self, name: str, *, answers: bool) -> None:
        self.done.append(("let go", name))

    # the carrier
    def collect(self, command: cmd.Collect) -> None:
        self.done.append(("collect", command))

    def collect_failed(self, command: cmd.CollectFailedAttempt) -> None:
        self.done.append(("collect_failed", command))

    def deliver(self, command: cmd.Deliver) -> None:
        self.done.append(("deliver", command))

    # the view
    def subscribe(self, notices: Notices) -> None:
        notices.listen(Transitions, lambda told: self.done.extend(("shown", item) for item in told.items))
        notices.listen(Seen, lambda seen: self.done.append(("progress", seen)))
        notices.listen(Noted, lambda noted: self.done.append(("note", noted.text)))
        notices.listen(Refreshed, self.refresh)

    def refresh(self, now: Refreshed) -> None:
        self.done.append(("refreshed", now.at))
        if self.view_error:
            raise self.view_error


@dataclass
class _Line:
    worker: str
    done: list[Done]

    def start(self) -> None:
        self.done.append(("start", self.worker))

    def begin_close(self) -> None:
        self.done.append(("close", self.worker))

    def send(self, message: msg.ToAgent) -> None:
        self.done.append(("send", (self.worker, message)))


def _launch(job_id: str, attempt: int, worker: str) -> msg.Launch:
    return msg.Launch(job_id, attempt, 2, ["train", worker])


UP = ev.WorkerUp(0.0, "lab1", 2)
KEYS = [(0.0, "lab1", f"alpha/job{number}", 1) for number in range(2)]
FINISHED = [ev.AttemptFinished(*key, finished(duration_s=1.0)) for key in KEYS]
HOME = [ev.Collected(0.0, *key[2:]) for key in KEYS]


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatcher_module, "GATHER_S", 0.0)


def test_a_run_goes_from_launch_to_its_end() -> None:
    world = World()
    world.put(UP)
    world.put(*FINISHED, seq=7)
    world.put(*HOME, worker="")
    assert world.dispatcher.run() == 0
    assert {record.state for record in world.state.jobs.values()} == {State.SUCCEEDED}
    assert world.said("start") == ["lab1", "lab2"]
    sent = world.said("send")
    assert ("lab1", msg.Launch("alpha/job0", 1, 2, ["train", "lab1"])) in sent
    assert ("lab1", msg.Ack(8)) in sent
    assert ("lab1", msg.Release("alpha/job1", 1)) in sent


def test_what_comes_together_shares_one_commit() -> None:
    world = World()
    world.put(UP, *FINISHED, seq=1)
    world.put(*HOME, worker="")
    world.dispatcher.run()
    assert len(world.said("append")) == 2, "one to begin, one for all that was queued"


def test_batches_have_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatcher_module, "MAX_BATCH", 2)
    world = World()
    world.put(UP, *FINISHED, *HOME)
    world.dispatcher.run()
    assert len(world.said("append")) == 1 + 3


def test_the_journal_comes_first_then_the_view_then_the_deed() -> None:
    world = World(jobs=1)
    world.put(UP, FINISHED[0], seq=3)
    world.put(HOME[0], worker="")
    world.dispatcher.run()
    begun = world.kinds().index("start")
    rest = [kind for kind in world.kinds()[begun:] if kind not in ("start", "note", "refreshed")]
    assert rest == ["append", *["shown"] * 3, "send", "collect", "send", "send"]
    *_, release, ack = world.said("send")
    assert (release, ack) == (("lab1", msg.Release("alpha/job0", 1)), ("lab1", msg.Ack(4)))


@pytest.mark.parametrize("breaks_at", [1, 2, 3])
def test_what_the_journal_does_not_have_is_neither_done_nor_acknowledged(
    monkeypatch: pytest.MonkeyPatch, breaks_at: int
) -> None:
    monkeypatch.setattr(dispatcher_module, "MAX_BATCH", 2)
    world = World(jobs=1, journal_breaks_at=breaks_at)
    world.put(UP, ev.AttemptStarted(*KEYS[0]), FINISHED[0], seq=1)
    with pytest.raises(TwophaseError, match="journal cannot be written"):
        world.dispatcher.run()
    kept = {item.trigger for batch in world.said("append") for item in batch}
    assert ({Trigger.ASSIGN, Trigger.START} <= kept) == (breaks_at == 3)
    acks = [(name, message) for name, message in world.said("send") if isinstance(message, msg.Ack)]
    assert acks == ([("lab1", msg.Ack(2))] if breaks_at == 3 else [])
    assert world.said("collect") == []
    assert ("start" in world.kinds()) == (breaks_at > 1)


def test_a_defect_leaves_the_journal_without_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing_step(state: RunState, event: ev.Event) -> Outbox:
        if isinstance(event, ev.Collected):
            raise InternalError("alpha/job0 cannot finish while succeeded (assign#1@lab1)")
        return step(state, event)

    monkeypatch.setattr(dispatcher_module, "step", failing_step)
    world = World(jobs=1)
    world.put(UP, FINISHED[0], seq=1)
    world.put(HOME[0], worker="")
    with pytest.raises(InternalError, match="cannot finish"):
        world.dispatcher.run()
    assert [item.trigger for batch in world.said("append") for item in batch] == [Trigger.UNLOCK]
    assert world.said("send") == []


def test_a_worker_that_says_what_cannot_be_is_used_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing_step(state: RunState, event: ev.Event) -> Outbox:
        if isinstance(event, ev.SlotsHeldByOthers):
            raise OverflowError("cannot convert float infinity to integer")
        return step(state, event)

    monkeypatch.setattr(dispatcher_module, "step", failing_step)
    world = World()
    world.put(UP, ev.SlotsHeldByOthers(0.0, "lab1", 1e300), *FINISHED, seq=1)
    world.put(*HOME, worker="")
    assert world.dispatcher.run() == 0, "what it had finished before is home"
    assert world.said("close") == ["lab1"] and not world.state.workers["lab1"].usable
    (told,) = (text for text in world.said("note") if "cannot be used" in text)
    assert told.startswith("lab1: cannot be used: what it says cannot be: OverflowError: cannot convert")


def test_acknowledgements_are_the_last_number_of_each_worker() -> None:
    world = World(jobs=1)
    world.put(UP)
    world.put(ev.SlotsHeldByOthers(0.0, "lab1", 0), ev.SlotsHeldByOthers(0.0, "lab1", 0), seq=5)
    world.put(ev.WorkerUp(0.0, "lab2", 1), worker="lab2", seq=9)
    world.put(FINISHED[0], HOME[0])
    world.dispatcher.run()
    acks = [(name, message) for name, message in world.said("send") if isinstance(message, msg.Ack)]
    assert sorted(acks, key=repr) == [("lab1", msg.Ack(6)), ("lab2", msg.Ack(9))]


COMMANDS: list[tuple[cmd.Command, Done]] = [
    (cmd.StartAttempt("lab1", "a/b", 2), ("send", ("lab1", msg.Launch("a/b", 2, 2, ["train", "lab1"])))),
    (
        cmd.StartGroup("lab1", (("a/b", 2), ("a/c", 2))),
        ("send", ("lab1", msg.LaunchAll([msg.Launch(f"a/{n}", 2, 2, ["train", "lab1"]) for n in "bc"]))),
    ),
    (cmd.Cancel("lab2", "a/b", 2), ("send", ("lab2", msg.Cancel("a/b", 2)))),
    (cmd.Withdraw("lab2", "a/b", 2), ("send", ("lab2", msg.Withdraw("a/b", 2)))),
    (cmd.DropCheckpoints("lab1", "a/b"), ("send", ("lab1", msg.DropCheckpoints("a/b")))),
    (cmd.Release("lab1", "a/b", 2), ("send", ("lab1", msg.Release("a/b", 2)))),
    (cmd.Release("lab1", "a/b", 2, suspect=True), ("send", ("lab1", msg.Release("a/b", 2, suspect=True)))),
    (cmd.Collect("lab1", "a/b", 2, finished()), ("collect", cmd.Collect("lab1", "a/b", 2, finished()))),
    (
        cmd.CollectFailedAttempt("lab1", "a/b", 2, finished("failed")),
        ("collect_failed", cmd.CollectFailedAttempt("lab1", "a/b", 2, finished("failed"))),
    ),
    (cmd.Deliver("lab1", "c" * 64), ("deliver", cmd.Deliver("lab1", "c" * 64))),
    (cmd.Halt("all fail"), ("note", dispatcher_module.halt_text("all fail"))),
]


def stepping(outbox: Outbox) -> Callable[[RunState, ev.Event], Outbox]:
    """Return a core that answers a lost worker so, and ends the run at anything else."""
    end = Outbox(0.0, commands=[cmd.Finish(4)])
    return lambda state, event: outbox if isinstance(event, ev.WorkerLost) else end


@pytest.mark.parametrize(("command", "done"), COMMANDS, ids=[type(each).__name__ for each, _ in COMMANDS])
def test_each_command_goes_where_it_belongs(
    monkeypatch: pytest.MonkeyPatch, command: cmd.Command, done: Done
) -> None:
    monkeypatch.setattr(dispatcher_module, "step", stepping(Outbox(0.0, commands=[command])))
    world = World()
    world.put(ev.WorkerLost(0.0, "lab1", "down"), ev.Tick(0.0))
    assert world.dispatcher.run() == 4
    assert done in world.done


def test_a_worker_that_is_no_longer_in_the_config_needs_no_release(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        dispatcher_module, "step", stepping(Outbox(0.0, commands=[cmd.Release("old", "a/b", 1)]))
    )
    world = World()
    world.put(ev.WorkerLost(0.0, "lab1", "down"), ev.Tick(0.0))
    assert world.dispatcher.run() == 4
    assert world.said("send") == []


def test_what_becomes_of_workers_is_said_once() -> None:
    world = World(jobs=1)
    down = ev.WorkerLost(0.0, "lab2", "no route to host")
    world.put(down, down, UP, ev.WorkerUnusable(0.0, "lab2", "no rsync there"))
    world.put(ev.SlotsHeldByOthers(0.0, "lab1", 1), ev.SlotsHeldByOthers(0.0, "lab1", 1))
    world.put(FINISHED[0], HOME[0])
    world.inbox.put(Noted("something else"))
    world.dispatcher.run()
    notes = world.said("note")
    assert [note for note in notes if "no route" in note] == [
        "lab2: not connected, will try again: no route to host"
    ]
    assert "lab1: up, 2 jobs at a time" in notes
    assert notes.count("lab1: 2 jobs at a time, 1 of them held by other runs or users") == 1
    assert [note for note in notes if "no rsync" in note][:1] == ["lab2: cannot be used: no rsync there"]


def test_progress_is_for_the_view_alone() -> None:
    world = World(jobs=1)
    seen = Seen("lab1", "alpha/job0", 1, Said(epoch=2))
    world.inbox.put(seen)
    world.put(UP, FINISHED[0], HOME[0])
    world.dispatcher.run()
    assert world.said("progress") == [seen]


def test_a_terminal_that_has_gone_does_not_end_the_run() -> None:
    world = World(jobs=1, view_error=BrokenPipeError)
    world.put(UP, FINISHED[0], HOME[0])
    assert world.dispatcher.run() == 0
    assert "refreshed" in world.kinds()


def test_with_nothing_to_do_no_worker_is_called() -> None:
    world = World(jobs=0)
    assert world.dispatcher.run() == 0
    assert "start" not in world.kinds()


def test_what_is_said_last_is_told_too() -> None:
    world = World(jobs=0)
    world.inbox.put(Noted("all is done"))
    assert world.dispatcher.run() == 0
    assert world.said("note") == ["all is done"]


def test_one_job_is_no_jobs() -> None:
    told = [news_of(ev.WorkerUp(0.0, "lab1", slots, 0), {}) for slots in (1, 2)]
    assert told == ["lab1: up, 1 job at a time", "lab1: up, 2 jobs at a time"]


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("cgroup", "limits kept by the kernel (cgroup)"),
        ("scope", "limits kept by the kernel (systemd scope)"),
        ("watched", "limits watched, twice a second"),
        ("not kept", "LIMITS OF JOBS ARE NOT KEPT THERE"),
        ("", "LIMITS OF JOBS ARE NOT KEPT THERE"),
    ],
)
def test_where_jobs_have_limits_it_is_told_how_a_worker_keeps_them(how: str, told: str) -> None:
    up = ev.WorkerUp(0.0, "lab1", 1, limits=how)
    assert news_of(up, {}, limited=True) == f"lab1: up, 1 job at a time, {told}"
    assert news_of(up, {}) == "lab1: up, 1 job at a time"
