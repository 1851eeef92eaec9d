"""Who uses what of the cache, whatever has become of its agent."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.attempt_paths import paths_of
from worker_agent.cache import users as module
from worker_agent.cache.leases import CacheLeases
from worker_agent.cache.users import NOT_HOME, seen_in_use, users
from worker_agent.protocol.layout import AttemptLayout, WorkLayout
from worker_agent.system.processes import Process


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WorkLayout:
    monkeypatch.setattr(module.processes, "processes", lambda: iter(()))
    return WorkLayout(tmp_path)


def attempt(layout: WorkLayout, run: str) -> AttemptLayout:
    found = layout.attempt(run, "alpha/job", 1)
    paths_of(found).work.mkdir(parents=True)
    return found


def test_a_run_whose_agent_lives_has_what_it_leased(layout: WorkLayout) -> None:
    leases = CacheLeases(layout, "r1")
    leases.lease("aa")
    assert users(layout, seen_in_use(layout)) == {"aa": {"run r1"}}
    leases.close()
    assert users(layout, seen_in_use(layout)) == {}


def test_a_run_that_left_attempts_has_it_though_its_agent_is_gone(layout: WorkLayout) -> None:
    layout.leases.mkdir()
    for run in ("r1", "r2"):
        (layout.leases / run).write_text("aa\n")
    attempt(layout, "r2")
    assert users(layout, seen_in_use(layout)) == {"aa": {"run r2"}}
    assert sorted(path.name for path in layout.leases.iterdir()) == ["r1", "r2"], "nothing is changed"


def test_an_attempt_has_what_its_working_directory_leads_to(layout: WorkLayout, tmp_path: Path) -> None:
    work = paths_of(attempt(layout, "r1")).work
    (work / "data" / "deep").mkdir(parents=True)
    (work / "data" / "deep" / "x").symlink_to(layout.cached("aa") / "x")
    (work / "base").symlink_to(layout.cached("bb"))
    (work / "own").symlink_to(tmp_path)
    assert {name: len(who) for name, who in users(layout, seen_in_use(layout)).items()} == {"aa": 1, "bb": 1}


def test_a_base_model_that_is_not_home_is_in_use(layout: WorkLayout) -> None:
    made = paths_of(attempt(layout, "r1"))
    made.base_model.symlink_to(layout.cached("cc"))
    assert users(layout, seen_in_use(layout))["cc"] == {NOT_HOME}


def test_a_process_has_the_base_model_that_it_was_started_with(
    layout: WorkLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {
        7: [b"TWOPHASE_BASE_MODEL_DIR=" + bytes(layout.cached("dd"))],
        8: [b"TWOPHASE_BASE_MODEL_DIR=/elsewhere/cache/ee", b"PATH=/bin", b""],
    }
    found = [Process(pid, "S", pid, pid, 0) for pid in environment]
    monkeypatch.setattr(module.processes, "processes", lambda: iter(found))
    monkeypatch.setattr(module.processes, "environment_of", environment.__getitem__)
    assert users(layout, seen_in_use(layout)) == {"dd": {"process 7"}}
