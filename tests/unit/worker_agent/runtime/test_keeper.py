"""The keeper reaps what a dead agent leaves, and writes down how all but the agent ended."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from worker_agent.runtime import keeper
from worker_agent.runtime.keeper import is_kept, keep
from worker_agent.system import exits
from worker_agent.system.exits import Ended


def fork_is(monkeypatch: pytest.MonkeyPatch, pid: int) -> None:
    close = os.close
    monkeypatch.setattr(keeper.processes, "adopt_orphans", lambda: True)
    monkeypatch.setattr(keeper.os, "fork", lambda: pid)
    monkeypatch.setattr(
        keeper.os, "close", lambda descriptor: None if descriptor == 99 else close(descriptor)
    )
    monkeypatch.setattr(keeper, "_introduce", lambda: None)


def test_without_a_subreaper_there_is_an_agent_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(keeper.processes, "adopt_orphans", lambda: False)
    assert keep(lambda: 5, 99, tmp_path / "exits") == 5


def test_the_child_is_the_agent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fork_is(monkeypatch, 0)
    assert keep(lambda: 5, 99, tmp_path / "exits") == 5


def test_the_parent_writes_down_all_ends_but_the_agents(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fork_is(monkeypatch, 40)
    ends: Iterator[Ended] = iter([Ended(40, 1, 2, 9, 0), Ended(41, 1, 3, 0, 0), Ended(42, 1, 4, 256, 0)])

    def reap() -> Ended:
        found = next(ends, None)
        if found is None:
            raise ChildProcessError
        return found

    monkeypatch.setattr(exits, "reap", reap)
    assert keep(lambda: pytest.fail("this is the keeper"), 99, tmp_path / "exits") == 0
    assert set(exits.read(tmp_path / "exits")) == {(41, 1), (42, 1)}


@pytest.mark.parametrize("keeper_at", [None, 40, 41])
def test_a_process_is_kept_below_a_keeper(monkeypatch: pytest.MonkeyPatch, keeper_at: int | None) -> None:
    names = {keeper_at: b"twophase-keeper"}
    monkeypatch.setattr(keeper.processes, "ancestors", lambda pid: iter((41, 40, 1)))
    monkeypatch.setattr(keeper.processes, "name_of", lambda pid: names.get(pid, b"python3"))
    assert is_kept(42) is (keeper_at is not None)
