"""Whose a run directory is."""

from __future__ import annotations

from pathlib import Path

import pytest

from master.commands.additions.whose import check_no_run, check_no_standing
from master.core.running.orders.of_jobs import AddJobs, AskedProgram
from master.core.running.orders.order import By, Ordered
from master.errors import UsageError
from master.storage.journal_reading import EarlierStarts
from master.storage.run_layout import RunLayout

LAYOUT, NEW = RunLayout(Path("/runs/1")), EarlierStarts()
RUN = EarlierStarts({"h": "alpha/a"}, {"record": {}})
STOOD = EarlierStarts({"h": "lab/a"})


def added(**program: str) -> list[Ordered]:
    return [Ordered(0.0, By(1, "anna", 1), AddJobs("/more.json", program=AskedProgram(**program)))]


def test_a_new_directory_is_anybodys() -> None:
    check_no_run(LAYOUT, NEW, [])
    check_no_standing(LAYOUT, NEW, [])


def test_a_master_stands_in_no_run_even_one_with_additions() -> None:
    for orders in ([], added(), added(trainer="sae")):
        with pytest.raises(UsageError, match="/runs/1 holds a run with jobs of its own"):
            check_no_run(LAYOUT, RUN, orders)
    with pytest.raises(UsageError, match="holds a run"):
        check_no_run(LAYOUT, STOOD, added())


def test_it_goes_on_where_it_stood_and_no_run_begins_there() -> None:
    check_no_run(LAYOUT, STOOD, added(trainer="sae"))
    with pytest.raises(UsageError, match="is where `twophase serve` stood"):
        check_no_standing(LAYOUT, STOOD, added(trainer="sae"))


def test_a_run_goes_on_with_its_additions() -> None:
    check_no_standing(LAYOUT, RUN, added(trainer="sae"))
    check_no_standing(LAYOUT, RUN, added())
