"""What the routes answer of what is drawn over time."""

from __future__ import annotations

import asyncio

import pytest

from master.web.drawn.answers import MOST_CURVES, Drawn
from master.web.run_watch import RunWatch
from tests.unit.master.web import conftest as page

run, watch = page.run, page.watch
JOB = "alpha/plain"


def test_a_run_that_nobody_works_on_ends_with_its_last_transition(watch: RunWatch) -> None:
    told = Drawn(watch).timeline(None, None, 100, 0)
    assert (told["since"], told["until"], told["end"], told["seq"]) == (5.0, 9.0, 9.0, 8)
    watch.master.machines = {"workers": []}
    assert Drawn(watch).timeline(None, None, 100, 0)["until"] > 1e9, "with a master it goes on until now"


def test_the_curves_of_a_job_that_runs_are_what_was_heard_of_it(watch: RunWatch) -> None:
    metrics = {f"m{number:02}": 1.0 for number in range(30)}
    report = {"at": 6.0, "attempt": 1, "worker": "lab1", "epoch": 2.0, "epochs": None, "metrics": metrics}
    watch.master.progress.take({"start": "s", "number": 1, "jobs": {JOB: [report]}})
    told = asyncio.run(Drawn(watch).curves(JOB))
    assert told["curves"][0] == {"name": "m00", "x": [2.0], "y": [1.0]} and told["over"] == "epoch"
    assert (len(told["curves"]), told["in_all"]) == (MOST_CURVES, 30)


def test_a_job_that_is_none_has_no_curves(watch: RunWatch) -> None:
    with pytest.raises(LookupError, match="no job `none`"):
        asyncio.run(Drawn(watch).curves("none"))
