"""Users add jobs to a run while it goes on."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from master.code.code_history import CodeStart
from master.code.code_record import CodeRecord
from master.core.planning.identity import tagged_hash
from master.core.planning.plan import make_plan
from master.core.running.commands import Transition
from master.core.running.lifecycle import State, Trigger
from master.core.running.orders.adding import add
from master.core.running.orders.of_jobs import AddJobs
from master.core.running.orders.order import By, CancelJobs, Ordered
from master.core.running.policy import Policy
from master.core.running.records import Outbox, RunState
from master.errors import ConfigError
from master.intake.jobs import parse_jobs
from master.runs.additions.more_jobs import GrowingJobs, Shelves
from master.runs.additions.programs import Programs
from master.runs.control.job_inputs import JobInputs
from master.runs.run_lock import RUN_TWO_PHASE, Owner
from master.runs.snapshot import SharedState
from master.runs.spec import Code, Known, MoreJobs, ReadMore, RunSpec
from master.specs import BaseModelSpec, ClusterSpec, JobSpec, JobsSpec, ServerSpec
from master.storage.base_model_store import BaseModelStore
from master.storage.journal import Journal
from master.storage.library import Library
from master.storage.run_layout import RunLayout, inputs_of
from tests.support.rosters import roster_of

_SOON_S = 10.0
"""For what must come; only a failing test waits so long."""
BASE = BaseModelSpec("b" * 32, {"width": 4})
ANNA = By(1000, "anna", 1)


def spec(*names: str, base: BaseModelSpec | None = None) -> JobsSpec:
    jobs = tuple(
        JobSpec(f"alpha/{name}", tagged_hash("job", name), {"n": name}, "job", base) for name in names
    )
    return JobsSpec(jobs, "jobs.json", {base.spec_hash: base} if base else {})


@dataclass
class Growing:
    root: Path
    journal: Journal
    more: JobsSpec = field(default_factory=lambda: spec("old", "new", base=BASE))
    reads: bool = True
    owner: Owner = RUN_TWO_PHASE
    reading: Callable[[], None] = lambda: None
    taken: list[JobsSpec] = field(default_factory=list)
    own: JobsSpec = field(default_factory=lambda: spec("old"))
    in_store: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        own, layout = self.own, RunLayout(self.root)
        self.journal.remember_jobs({job.job_hash: job.job_id for job in own.jobs})
        plan = make_plan(own, {})
        self.shared = SharedState(RunState.fresh(plan, Policy(), ["w1"]))
        read: ReadMore | None = self.read if self.reads else None
        run = RunSpec(
            *(layout, ClusterSpec(()), plan, None),  # type: ignore[arg-type]
            jobs=own,
            in_store=self.in_store,
            read_more=read,
            owner=self.owner,
        )
        code = Code({}, None, take_more=self.taken.append)  # type: ignore[arg-type]
        self.identity: dict[str, Mapping[str, object]] = {}
        roster = roster_of(ClusterSpec((ServerSpec("w1", "w1"),)))
        library = self.library = Library()
        self.inputs, self.programs = JobInputs(layout, library), Programs(code)
        shelves = Shelves(self.journal, BaseModelStore(layout), library, self.identity, roster, self.inputs)
        self.growing = GrowingJobs(run, self.programs, self.shared, shelves)

    def read(self, order: AddJobs, known: Known) -> MoreJobs:
        assert [server.name for server in known.servers] == ["w1"]
        self.reading()
        return MoreJobs(replace(order, text="said"), self.more)

    def prepare(self, *, dry_run: bool = False, inputs: Mapping[str, str] | None = None) -> Ordered:
        order = AddJobs("/more.json", inputs=dict(inputs or {}))
        return self.growing.prepared(Ordered(0.0, ANNA, order, dry_run=dry_run))


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with closing(Journal(tmp_path / ".twophase" / "journal.sqlite")) as found:
        yield found


def test_an_order_is_given_what_its_file_says(tmp_path: Path, journal: Journal) -> None:
    event = Growing(tmp_path, journal).prepare()
    assert isinstance(event.order, AddJobs) and event.plan
    assert (event.order.text, list(event.order.ids.values())) == ("said", ["alpha/new"])
    assert [job.job_id for job in event.plan.jobs] == [f"base_models/{'b' * 32}", "alpha/old", "alpha/new"]


def test_what_is_taken_can_be_launched_and_is_remembered(tmp_path: Path, journal: Journal) -> None:
    run = Growing(tmp_path, journal)
    run.shared.snapshot()
    event = run.prepare()
    assert event.plan
    for job in event.plan.jobs:
        if job.job_id not in run.shared.state.jobs:
            run.shared.state.add_job(job)
    run.growing.take([f"base_models/{'b' * 32}", "alpha/new"])
    assert [[job.job_id for job in more.jobs] for more in run.taken] == [["alpha/new"]]
    assert run.identity == {"b" * 32: {"width": 4}}
    assert [job.job_id for job in run.growing.jobs.jobs] == ["alpha/old", "alpha/new"]
    assert sorted(journal.known_ids().values()) == ["alpha/new", "alpha/old"]
    assert [row.job_id for row in run.shared.snapshot().jobs] == ["alpha/old", "alpha/new"]


def test_what_is_taken_waits_for_no_file_that_is_read_meanwhile(tmp_path: Path, journal: Journal) -> None:
    begun, goes_on, waited = threading.Event(), threading.Event(), list[bool]()

    def reading() -> None:
        begun.set()
        waited.append(goes_on.wait(_SOON_S))

    run = Growing(tmp_path, journal, reading=reading)
    thread = threading.Thread(target=run.prepare)
    thread.start()
    assert begun.wait(_SOON_S)
    run.growing.take([])
    goes_on.set()
    thread.join(_SOON_S)
    assert waited == [True], "the dispatcher took them only after the file had been read"


def test_other_orders_pass_as_they_are(tmp_path: Path, journal: Journal) -> None:
    event = Ordered(0.0, ANNA, CancelJobs(["a"]))
    assert Growing(tmp_path, journal).growing.prepared(event) is event


@pytest.mark.parametrize(
    ("owner", "way_out"),
    [
        (RUN_TWO_PHASE, "it has stages: write them into its jobs file and give its command again once"),
        (Owner("run_all_training", "--x"), "give run_all_training again with them once it has ended"),
    ],
)
def test_a_run_of_another_kind_takes_none(
    owner: Owner, way_out: str, tmp_path: Path, journal: Journal
) -> None:
    with pytest.raises(ConfigError, match=f"takes no jobs beside its own while it goes on: {way_out}"):
        Growing(tmp_path, journal, reads=False, owner=owner).prepare()


def test_a_damaged_base_model_of_the_store_is_not_taken_for_one(tmp_path: Path, journal: Journal) -> None:
    folder = tmp_path / "experiments" / "base_models" / ("b" * 32)
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{}")
    with pytest.raises(ConfigError, match="the next start of the run sets it aside"):
        Growing(tmp_path, journal).prepare()


def test_files_that_come_with_an_order_are_its_jobs_alone(tmp_path: Path, journal: Journal) -> None:
    run = Growing(tmp_path, journal)
    with pytest.raises(ConfigError, match="nothing with the content"):
        run.prepare(inputs={"acts": "c" * 64})
    inputs_of(RunLayout(tmp_path), "c" * 64).mkdir(parents=True)
    run.prepare(dry_run=True, inputs={"acts": "c" * 64})
    assert not list(run.inputs.mounts("alpha/new", local=False))
    run.prepare(inputs={"acts": "c" * 64})
    assert list(run.inputs.mounts("alpha/new", local=False))
    assert not list(run.inputs.mounts("alpha/old", local=False))


class FullDisk:
    """Code of which no snapshot can be written."""

    def take(self, layout: RunLayout) -> Code:
        raise OSError(28, "No space left on device", str(layout.code / "train.py"))


def test_code_that_cannot_be_copied_is_told_and_nothing_is_added(
    tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Growing(tmp_path, journal)
    more = MoreJobs(AddJobs("/more.json", name="lab"), run.more, FullDisk())
    monkeypatch.setattr(run, "read", lambda order, known: more)
    run.__post_init__()
    with pytest.raises(ConfigError, match=r"train\.py: the code cannot be copied: No space left on device"):
        run.prepare()
    assert run.growing.jobs.jobs == spec("old").jobs and journal.known_ids().keys() == {
        job.job_hash for job in spec("old").jobs
    }


class Copied:
    """Code whose snapshot is taken at once."""

    def take(self, layout: RunLayout) -> Code:
        start = CodeStart(CodeRecord("script:1"), "s1")
        return Code({"s1": layout.code / "s1"}, None, start=start)  # type: ignore[arg-type]


def test_a_program_that_jobs_bring_is_remembered_with_them_and_at_hand_before_they_start(
    tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Growing(tmp_path, journal)
    jobs = replace(run.more, jobs=tuple(replace(job, addition="lab") for job in run.more.jobs))
    more = MoreJobs(AddJobs("/more.json", name="lab"), jobs, Copied())
    monkeypatch.setattr(run, "read", lambda order, known: more)
    run.__post_init__()
    tried = run.prepare(dry_run=True)
    assert isinstance(tried.order, AddJobs) and tried.order.code == {}, "a try takes no snapshot"
    event = run.prepare()
    assert isinstance(event.order, AddJobs) and event.order.code["snapshot"] == "s1"
    assert event.plan and {job.addition for job in event.plan.jobs} == {"lab"}
    run.growing.take(["alpha/new"])
    assert run.taken == [], "the command's own code is not asked"
    assert run.library.paths["s1"] == RunLayout(tmp_path).code / "s1"
    assert run.programs.starts["lab"].snapshot == "s1"


def test_what_an_earlier_start_has_done_and_this_one_has_left_out_is_not_done_again(
    tmp_path: Path, journal: Journal
) -> None:
    new = spec("new").jobs[0]
    journal.remember_jobs({new.job_hash: new.job_id}, {new.job_hash: new.config})
    run = Growing(tmp_path, journal)
    run.prepare(dry_run=True)
    journal.append([Transition(1.0, new.job_id, Trigger.COLLECT, State.SUCCEEDED, 1, "w1", "")])
    for dry_run in (True, False):
        with pytest.raises(ConfigError, match="alpha/new has succeeded in an earlier start"):
            run.prepare(dry_run=dry_run)


def rungs(*epochs: int) -> JobsSpec:
    """Return jobs that start from base models of so many epochs."""
    resume = {"field": "epochs", "exact": True}
    return parse_jobs(
        json.dumps({"grid": {"epochs": epochs}, "base_model": True, "resume": resume}), code="c"
    )


def test_added_jobs_go_on_from_what_the_run_trains(tmp_path: Path, journal: Journal) -> None:
    run = Growing(tmp_path, journal, own=rungs(10, 20), more=rungs(40))
    event = run.prepare()
    twenty, forty = (next(iter(rungs(epochs).base_models)) for epochs in (20, 40))
    state = run.shared.state
    assert event.plan and event.plan.lower_rungs == {forty: twenty}
    assert [said.name for said in add(state, event, Outbox(0.0)).done] == ["alpha/epochs=40"]
    assert state.jobs[f"base_models/{forty}"].job.resumes
    assert (
        not state.jobs[f"base_models/{twenty}"].job.needs or state.jobs[f"base_models/{twenty}"].job.resumes
    )
    assert len([job_id for job_id in state.jobs if job_id.startswith("base_models/")]) == 3


def test_rungs_of_a_run_without_them_have_no_state_to_go_on_from(tmp_path: Path, journal: Journal) -> None:
    plain = parse_jobs('{"grid": {"epochs": [20, 21]}, "base_model": true}', code="c")
    event = Growing(tmp_path, journal, own=plain, more=rungs(40)).prepare()
    assert event.plan and event.plan.lower_rungs == {}
    event = Growing(tmp_path, journal, own=plain, more=rungs(20, 40)).prepare()
    assert event.plan and event.plan.lower_rungs == {}, "the run trains 20 without keeping its state"


def test_base_models_of_a_run_stay_linked_as_they_are_being_trained(tmp_path: Path, journal: Journal) -> None:
    event = Growing(tmp_path, journal, own=rungs(10, 40), more=rungs(20, 40)).prepare()
    ten, twenty, forty = (next(iter(rungs(epochs).base_models)) for epochs in (10, 20, 40))
    assert event.plan and event.plan.lower_rungs == {twenty: ten, forty: ten}


def test_rungs_of_the_store_without_state_are_not_gone_on_from(tmp_path: Path, journal: Journal) -> None:
    own = rungs(20)
    (twenty,) = own.base_models
    manifest = {"spec_hash": twenty, "config": own.base_models[twenty].config, "content_hash": "c"}
    run = Growing(tmp_path, journal, own=own, more=rungs(20, 40), in_store={twenty: manifest})
    event = run.prepare()
    assert event.plan and event.plan.lower_rungs == {}
