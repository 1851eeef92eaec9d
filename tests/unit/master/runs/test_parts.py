"""What a run tells its agents to launch, and what it says of how results came about."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from master.code.origin import Described
from master.core.running.records import RunState
from master.runs.agents import RunName
from master.runs.control.job_inputs import JobInputs
from master.runs.parts import _describer, make_launcher
from master.runs.spec import Code, Start
from master.specs import ClusterSpec, ServerSpec
from master.storage.library import Library
from master.storage.run_layout import RunLayout
from tests.support.rosters import roster_of
from tests.support.scripted_run import ScriptedRun, jobs_spec
from worker_agent.protocol import messages as msg
from worker_agent.protocol.terms import JobLimits

CLUSTER = ClusterSpec((ServerSpec("lab1", "lab1"), ServerSpec("localhost", "localhost")))


@dataclass
class Asked:
    """Code that remembers what it was to launch."""

    starts: list[Start] = field(default_factory=list)

    def launch(self, start: Start) -> Any:
        self.starts.append(start)
        return f"launch {len(self.starts)}"


def inputs_of(library: Library) -> JobInputs:
    return JobInputs(RunLayout(Path("run")), library)


def launching(state: RunState, names: dict[str, str] | None = None) -> tuple[Any, Asked]:
    asked, library = Asked(), replace(Library(), names=names or {})
    return make_launcher(
        roster_of(CLUSTER), Code({}, asked.launch), state, library, inputs_of(library)
    ), asked


def test_an_attempt_starts_from_the_base_model_that_it_was_given() -> None:
    run = ScriptedRun(jobs_spec(1, 1), ["lab1", "localhost"])
    run.job("job0").base = "c" * 64
    launch_of, asked = launching(run.state, {"c" * 64: "best"})
    assert launch_of("alpha/job0", 3, "lab1") == "launch 1"
    (start,) = asked.starts
    assert start.base is not None and (start.attempt, start.is_local) == (3, False)
    assert (start.base.content_hash, start.base.name) == ("c" * 64, "best")


def test_what_needs_no_base_model_gets_none() -> None:
    run = ScriptedRun(jobs_spec(1, 0), ["lab1", "localhost"])
    launch_of, asked = launching(run.state)
    launch_of("alpha/job0", 1, "localhost")
    assert asked.starts[0].base is None and asked.starts[0].is_local


def test_no_worker_lets_a_job_have_more_than_it_allows() -> None:
    run = ScriptedRun(jobs_spec(1, 0), ["lab1", "free"])
    bound = JobLimits(memory_bytes=100, processes=4)
    servers = ServerSpec("lab1", "lab1", limits=bound), ServerSpec("free", "free")
    asked = [
        msg.Launch("alpha/job0", 1, 2, ["x"], limits=limits) for limits in (None, JobLimits(50, None, 9))
    ]

    def launched(launch: msg.Launch, worker: str) -> JobLimits | None:
        code = Code({}, lambda start: launch)
        launch_of = make_launcher(
            roster_of(ClusterSpec(servers)), code, run.state, Library(), inputs_of(Library())
        )
        return launch_of("alpha/job0", 1, worker).limits

    assert [launched(each, "lab1") for each in asked] == [bound, JobLimits(50, 4, 9)]
    assert [launched(each, "free") for each in asked] == [None, JobLimits(50, None, 9)]


@pytest.mark.parametrize("remembered", [True, False])
def test_an_attempt_has_the_code_that_it_was_started_with(remembered: bool) -> None:
    class History:
        def of(self, job_id: str, attempt: int) -> Any:
            return SimpleNamespace(of_job=lambda *, trains: f"code of {job_id}#{attempt}, {trains}")

    code = Code({}, None, describe=lambda job_id: Described())  # type: ignore[arg-type]
    history: Any = History() if remembered else None
    describe = _describer(code, history, RunName("run1", 4))
    found = describe("a", 2)
    assert (found.run_id, found.epoch) == ("run1", 4)
    assert found.code == ("code of a#2, False" if remembered else None)
    assert describe("base_models/x", 1).code == ("code of base_models/x#1, True" if remembered else None)
