"""Files that jobs were added with."""

from __future__ import annotations

from pathlib import Path

import pytest

from master.core.running.orders.of_jobs import AddJobs, CancelJobs
from master.core.running.orders.order import By, Ordered
from master.errors import ConfigError
from master.runs.control.job_inputs import JobInputs
from master.specs import DataDir, ServerSpec
from master.storage.library import Library
from master.storage.run_layout import RunLayout, inputs_of
from worker_agent.protocol.messages import Mount

CONTENT = "a" * 64
ORDER = AddJobs("/more.json", ids={"hash": "alpha/new"}, inputs={"acts": CONTENT})
LAB = ServerSpec("lab1", "lab1", data=(DataDir("data/set", "/data/set"),))


@pytest.fixture
def layout(tmp_path: Path) -> RunLayout:
    found = RunLayout(tmp_path)
    inputs_of(found, CONTENT).mkdir(parents=True)
    return found


def test_only_the_jobs_of_the_order_see_them(layout: RunLayout) -> None:
    inputs = JobInputs(layout, library := Library())
    inputs.take(ORDER, ["alpha/new"])
    assert list(inputs.mounts("alpha/new", local=False)) == [Mount("acts", artefact=CONTENT)]
    assert list(inputs.mounts("alpha/old", local=False)) == []
    assert library.paths == {CONTENT: inputs_of(layout, CONTENT)}


def test_on_this_machine_they_are_seen_where_they_lie(layout: RunLayout) -> None:
    inputs = JobInputs(layout, Library())
    inputs.take(ORDER, ["alpha/new"])
    here = str(inputs_of(layout, CONTENT).resolve())
    assert list(inputs.mounts("alpha/new", local=True)) == [Mount("acts", path=here)]


def test_those_of_earlier_starts_hold(layout: RunLayout) -> None:
    by = By(1, "anna", 1)
    orders = [Ordered(0.0, by, ORDER), Ordered(0.0, by, CancelJobs(["alpha/new"]))]
    inputs = JobInputs(layout, library := Library(), orders)
    assert list(inputs.mounts("alpha/new", local=False)) and CONTENT in library.paths


@pytest.mark.parametrize("name", ["", "a/b", "..", ".hidden", "/etc", "experiments", "x" * 101])
def test_what_is_no_folder_of_a_job_is_refused(name: str, layout: RunLayout) -> None:
    with pytest.raises(ConfigError, match="is no name of a folder"):
        JobInputs(layout, Library()).check(AddJobs("/more.json", inputs={name: CONTENT}), [])


@pytest.mark.parametrize("content", ["b" * 64, "..", "", "../code"])
def test_what_is_not_here_is_refused(content: str, layout: RunLayout) -> None:
    with pytest.raises(ConfigError, match="nothing with the content"):
        JobInputs(layout, Library()).check(AddJobs("/more.json", inputs={"acts": content}), [])


def test_a_name_that_a_worker_has_for_its_data_is_refused(layout: RunLayout) -> None:
    inputs = JobInputs(layout, Library())
    inputs.check(ORDER, [LAB])
    with pytest.raises(ConfigError, match="data is data of lab1 already"):
        inputs.check(AddJobs("/more.json", inputs={"data": CONTENT}), [LAB])
