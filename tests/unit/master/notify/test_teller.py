"""When people are told of a run."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from master.core.running import events as ev
from master.core.running.commands import Transition
from master.core.running.fleet.holds import Hold
from master.core.running.policy import Policy
from master.core.running.records import RunState
from master.notify.messages import Message
from master.notify.teller import LOOK_EVERY_S, MOST_OF_WORKERS, Teller
from master.runs.notices import Ended, Notices, Refreshed, Transitions
from master.specs import TOLD_OF
from tests.support.scripted_run import ScriptedRun, jobs_spec

LEASE_S = Policy.lease_s


@dataclass
class Stage:
    """A run with a teller, and what it sent."""

    on: Collection[str] = TOLD_OF
    workers: int = 1
    sent: list[Message] = field(default_factory=list)

    def __post_init__(self) -> None:
        names = [f"lab{n}" for n in range(self.workers)]
        self.run = ScriptedRun(jobs_spec(3, 0), names)
        self.notices = Notices([Teller(self.on, "here", self.sent.append, clock=lambda: self.run.at)])
        self.run.watcher = self

    def transition(self, transition: Transition, state: RunState) -> None:
        self.notices.tell(Transitions([transition], state))

    def refresh(self, after_s: float = LOOK_EVERY_S) -> None:
        self.run.at += after_s
        self.notices.tell(Refreshed(self.run.state, self.run.at))

    def end(self, code: int | None) -> None:
        self.notices.tell(Ended(self.run.state, code))

    @property
    def events(self) -> list[str]:
        return [message.event for message in self.sent]


def started(**fields: object) -> Stage:
    stage = Stage(**fields)  # type: ignore[arg-type]
    stage.run.up("lab0", 3)
    for name in ("job0", "job1", "job2"):
        stage.run.start(name)
    return stage


def test_the_first_failure_is_told_and_no_other() -> None:
    stage = started()
    stage.run.succeed("job0")
    assert not stage.sent
    stage.run.fail("job1", "exit code 1")
    stage.run.fail("job2", "exit code 2")
    assert [message.title for message in stage.sent] == ["alpha/job1 failed"]
    stage.end(1)
    assert stage.events == ["failure", "end"]


def test_what_was_not_asked_for_is_not_told() -> None:
    stage = started(on=["end"])
    stage.run.fail("job1", "exit code 1")
    stage.run.tell(ev.WorkerUnusable(stage.run.at, "lab0", "gone"))
    stage.refresh()
    assert not stage.sent
    stage.end(130)
    assert stage.events == ["end"]
    silent = started(on=["failure"])
    silent.end(1)
    assert not silent.sent


def test_a_start_that_had_nothing_to_do_says_nothing() -> None:
    stage = Stage()
    stage.end(0)
    assert not stage.sent
    stage.end(4)
    assert stage.events == ["end"], "no worker was usable"


def test_a_link_that_breaks_and_comes_back_is_not_told() -> None:
    stage = started()
    stage.run.tell(ev.WorkerLost(stage.run.at, "lab0", "reset"))
    stage.refresh(LEASE_S - 1)
    stage.run.up("lab0", 3)
    stage.refresh(LEASE_S)
    assert not stage.sent


def test_a_worker_that_stays_silent_is_told_once() -> None:
    stage = started()
    stage.run.tell(ev.WorkerLost(stage.run.at, "lab0", "no route"))
    stage.refresh(LEASE_S + 1)
    stage.refresh()
    assert [message.title for message in stage.sent] == ["lab0 is lost"]
    assert "no route" in stage.sent[0].text


def test_a_worker_that_cannot_be_used_is_told_at_the_next_look() -> None:
    stage = started()
    stage.run.tell(ev.WorkerUnusable(stage.run.at, "lab0", "no rsync there"))
    stage.refresh()
    stage.refresh(1.0)
    assert stage.events == ["worker"] and "cannot be used: no rsync there" in stage.sent[0].text


def test_many_lost_workers_are_few_messages() -> None:
    stage = Stage(workers=20)
    for number in range(10):
        stage.run.tell(ev.WorkerUnusable(stage.run.at, f"lab{number}", "gone"))
    stage.refresh()
    assert len(stage.sent) == 1 and stage.sent[0].more["workers"] == [f"lab{n}" for n in range(10)]
    for number in range(10, 20):
        stage.run.tell(ev.WorkerUnusable(stage.run.at, f"lab{number}", "gone"))
        stage.refresh()
    assert len(stage.sent) == MOST_OF_WORKERS


def test_a_worker_that_its_user_removes_is_not_lost() -> None:
    stage = started()
    stage.run.state.workers["lab0"].leaves = Hold("anna", 1.0)
    stage.run.tell(ev.WorkerLost(stage.run.at, "lab0", "no route"))
    stage.refresh(LEASE_S + 1)
    assert not stage.sent
