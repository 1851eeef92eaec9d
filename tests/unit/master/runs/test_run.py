"""A run from its opening to its end, on workers whose agent is scripted."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from master.adapters import agent_client
from master.core.planning.plan import make_plan
from master.core.running.lifecycle import State
from master.core.running.policy import Policy
from master.errors import ConfigError, UsageError
from master.runs import dispatcher
from master.runs.notices import Ended, Noted, Notices, Refreshed, Transitions
from master.runs.run import Run
from master.runs.snapshot import Snapshot
from master.runs.spec import Code, RunSpec, Start
from master.specs import ClusterSpec, JobsSpec, ServerSpec
from master.storage.run_layout import RunLayout
from tests.support.fake_agent import FakeAgent
from tests.support.scripted_run import jobs_spec
from worker_agent.protocol import messages as msg

SOON_S = 20.0
"""For what must come; only a failing test waits so long."""
CLUSTER = ClusterSpec((ServerSpec("lab1", "lab1"),))
SUCCEEDED = {"succeeded": 3}


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatcher, "GATHER_S", 0.0)
    monkeypatch.setattr(dispatcher, "TICK_S", 0.01)
    monkeypatch.setattr(agent_client, "GATHER_S", 0.0)


class Work:
    """Jobs that are told to agents, and need no code."""

    def take(self, layout: RunLayout) -> Code:
        return Code({}, lambda start: launch(start), ("the code is left out",))


def launch(start: Start) -> msg.Launch:
    return msg.Launch(start.record.job.job_id, start.attempt, 2, ["true"])


def spec_of(root: Path, jobs: JobsSpec | None = None, *, resumes: bool = True) -> RunSpec:
    found = jobs or jobs_spec(3, 0)
    plan, policy = make_plan(found, {}), Policy(retries=0)
    return RunSpec(RunLayout(root), CLUSTER, plan, Work(), policy, found, resumes=resumes)


@dataclass
class Listener:
    """Remembers what it is told."""

    states: dict[str, State] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    endings: list[int | None] = field(default_factory=list)

    def subscribe(self, notices: Notices) -> None:
        notices.listen(Transitions, self._take)
        notices.listen(Noted, lambda noted: self.notes.append(noted.text))
        notices.listen(Ended, lambda ended: self.endings.append(ended.exit_code))

    def _take(self, told: Transitions) -> None:
        self.states |= {item.job_id: item.state for item in told.items}


@dataclass
class OnEach:
    """Does something at every refresh."""

    action: Callable[[], object]

    def subscribe(self, notices: Notices) -> None:
        notices.listen(Refreshed, lambda _: self.action())
        notices.listen(Transitions, lambda _: self.action())


def failing(error: type[Exception]) -> OnEach:
    def fail() -> None:
        raise error

    return OnEach(fail)


def test_a_run_goes_from_its_spec_to_its_end(tmp_path: Path) -> None:
    agent, listener, threads = FakeAgent(), Listener(), threading.active_count()
    with Run.open(spec_of(tmp_path), agent.connect) as run:
        result = run.run([listener])
    assert (result.exit_code, listener.endings) == (0, [0])
    assert listener.states == {f"alpha/job{n}": State.SUCCEEDED for n in range(3)}
    assert [it.job_id for it in agent.launched] == list(listener.states)
    assert len(agent.farewells) == 1 and threading.active_count() == threads
    assert result.started_at <= result.ended_at


def test_the_same_run_again_has_nothing_to_do(tmp_path: Path) -> None:
    for agent, launches in ((FakeAgent(), 3), (FakeAgent(), 0)):
        with Run.open(spec_of(tmp_path), agent.connect) as run:
            assert run.run().exit_code == 0
        assert len(agent.launched) == launches


def test_a_run_that_does_not_resume_does_all_anew_and_forgets(tmp_path: Path) -> None:
    for _ in range(2):
        agent = FakeAgent()
        with Run.open(spec_of(tmp_path, resumes=False), agent.connect) as run:
            assert run.run().exit_code == 0
        assert len(agent.launched) == 3
        assert not RunLayout(tmp_path).journal.exists()


def test_what_such_a_run_left_behind_keeps_its_numbers(tmp_path: Path) -> None:
    first = FakeAgent(ends=lambda _: "")
    with Run.open(spec_of(tmp_path, resumes=False), first.connect) as run, pytest.raises(ZeroDivisionError):
        run.run([OnEach(lambda: 1 / (not first.running.is_set()))])
    assert RunLayout(tmp_path).journal.exists()
    second = FakeAgent()
    with Run.open(spec_of(tmp_path, resumes=False), second.connect) as run:
        assert run.run().exit_code == 0
    assert {it.attempt for it in first.launched} == {1}
    assert {it.job_id: it.attempt for it in second.launched}["alpha/job0"] == 2


def test_two_runs_at_a_time_in_one_process(tmp_path: Path) -> None:
    agents, codes = [FakeAgent(), FakeAgent()], [-1, -1]

    def work(number: int) -> None:
        with Run.open(spec_of(tmp_path / str(number)), agents[number].connect) as run:
            codes[number] = run.run().exit_code

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON_S)
    assert codes == [0, 0]
    assert [len(agent.launched) for agent in agents] == [3, 3]


def test_two_runs_never_share_a_directory(tmp_path: Path) -> None:
    with (
        Run.open(spec_of(tmp_path), FakeAgent().connect),
        pytest.raises(UsageError, match="another run_two_phase is working in"),
        Run.open(spec_of(tmp_path), FakeAgent().connect),
    ):
        raise AssertionError("both got in")
    with Run.open(spec_of(tmp_path), FakeAgent().connect) as run:
        assert run.run().exit_code == 0


def test_an_opening_that_fails_lets_go_of_all(tmp_path: Path) -> None:
    class Broken:
        def take(self, layout: RunLayout) -> Code:
            raise ConfigError("train.py", "", "cannot be copied")

    found = spec_of(tmp_path)
    with pytest.raises(ConfigError, match="cannot be copied"):
        Run.open(RunSpec(found.layout, found.cluster, found.plan, Broken()), FakeAgent().connect)
    with Run.open(found, FakeAgent().connect) as run:
        assert run.run().exit_code == 0


@pytest.mark.parametrize(("asked", "ended"), [(1, "succeeded"), (2, "cancelled")])
def test_another_thread_may_stop_a_run(tmp_path: Path, asked: int, ended: str) -> None:
    """Stopped, it waits for the jobs that run; asked again, it cancels them."""
    agent, listener = FakeAgent(slots=1), Listener()
    let_go = threading.Event()

    def ends(_: str) -> str:
        if asked == 2:
            return ""
        agent.running.set()
        return "succeeded" if let_go.wait(SOON_S) else "failed"

    agent.ends = ends
    with Run.open(spec_of(tmp_path), agent.connect) as run:

        def stop() -> None:
            assert agent.running.wait(SOON_S)
            assert [run.stop() for _ in range(asked)] == list(range(1, asked + 1))
            let_go.set()

        stopper = threading.Thread(target=stop)
        stopper.start()
        result = run.run([listener])
        stopper.join(SOON_S)
    assert result.exit_code == 130
    assert len(agent.launched) == 1
    assert listener.states["alpha/job0"] is State(ended)
    assert any("again to cancel them" in text for text in listener.notes)
    assert agent.farewells == [], "the agent stays for the run to be continued"


def test_a_run_may_be_stopped_before_it_begins(tmp_path: Path) -> None:
    agent = FakeAgent()
    with Run.open(spec_of(tmp_path), agent.connect) as run:
        run.stop()
        assert run.run().exit_code == 130
    assert agent.launched == []


def test_a_look_from_another_thread(tmp_path: Path) -> None:
    agent = FakeAgent(slots=2, ends=lambda job_id: "" if job_id == "alpha/job1" else "succeeded")
    seen: list[Snapshot] = []
    with Run.open(spec_of(tmp_path), agent.connect) as run:
        before = run.snapshot()

        def look() -> None:
            assert agent.running.wait(SOON_S)
            while (found := run.snapshot()).counts[2].succeeded != 2:
                pass
            seen.append(found)
            run.stop()
            run.stop()

        looker = threading.Thread(target=look)
        looker.start()
        run.run()
        looker.join(SOON_S)
        after = run.snapshot()
    assert {row.state for row in before.jobs} == {State.PENDING} and before.counts[2].open == 3
    (during,) = seen
    assert [(row.job_id, row.state.value, row.worker) for row in during.jobs] == [
        ("alpha/job0", "succeeded", "lab1"),
        ("alpha/job1", "running", "lab1"),
        ("alpha/job2", "succeeded", "lab1"),
    ]
    assert [(row.name, row.up, row.slots, row.running) for row in during.workers] == [("lab1", True, 2, 1)]
    assert not during.stopping and after.stopping and after.cancelling and after.finished
    assert after.jobs[1].state is State.CANCELLED


def test_an_observer_may_look_while_it_is_told(tmp_path: Path) -> None:
    seen: list[Snapshot] = []
    with Run.open(spec_of(tmp_path), FakeAgent().connect) as run:
        run.run([OnEach(lambda: seen.append(run.snapshot()))])
    assert seen[-1].counts[2].succeeded == 3


@pytest.mark.parametrize("error", [OSError, BrokenPipeError])
def test_several_listen_and_one_that_cannot_write_costs_nobody_anything(
    tmp_path: Path, error: type[Exception]
) -> None:
    first, last = Listener(), Listener()
    with Run.open(spec_of(tmp_path), FakeAgent().connect) as run:
        run.note("hello")
        assert run.run([first, failing(error), last]).exit_code == 0
    assert first == last
    assert len(first.states) == 3 and {"hello", "the code is left out"} <= set(first.notes)


def test_a_defect_of_an_observer_ends_the_run_in_order(tmp_path: Path) -> None:
    listener, threads = Listener(), threading.active_count()
    with Run.open(spec_of(tmp_path), FakeAgent().connect) as run, pytest.raises(KeyError):
        run.run([listener, failing(KeyError)])
    assert listener.endings == [None]
    assert threading.active_count() == threads
    with ExitStack() as stack:
        again = stack.enter_context(Run.open(spec_of(tmp_path), FakeAgent().connect))
        assert again.run().exit_code == 0


def test_the_log_of_another_machine_is_not_here(tmp_path: Path) -> None:
    with Run.open(spec_of(tmp_path), FakeAgent().connect) as run:
        assert run.live_log("lab1", "alpha/job0", 1) is None
        assert run.live_log("nobody", "alpha/job0", 1) is None


def test_damaged_base_models_are_set_aside_and_told(tmp_path: Path) -> None:
    listener, layout = Listener(), RunLayout(tmp_path)
    jobs = jobs_spec(1, 1)
    (spec_hash,) = jobs.base_models
    layout.base_model(spec_hash).mkdir(parents=True)
    found = spec_of(tmp_path, jobs)
    damaged = {spec_hash: "there is no manifest"}
    spec = RunSpec(layout, found.cluster, found.plan, Work(), found.policy, jobs, damaged=damaged)
    with Run.open(spec, FakeAgent(ends=lambda _: "failed").connect) as run:
        assert run.run([listener]).exit_code == 1
    assert len(run.problems) == 1 and run.problems[0] in listener.notes
    assert "it is trained again" in run.problems[0] and not layout.base_model(spec_hash).exists()
    assert listener.states["alpha/job0"] is State.BLOCKED
