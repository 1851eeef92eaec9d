from __future__ import annotations

import os
import time

import pytest

from tests.support import processes
from tests.support.processes import end_all, seconds_of_tree, started_with


def test_what_this_process_has_used_is_counted() -> None:
    own_s = time.process_time()
    assert own_s - 0.1 <= seconds_of_tree(os.getpid())
    assert seconds_of_tree(os.getpid()) <= seconds_of_tree(os.getppid()) + 0.1


def test_one_that_is_gone_has_used_nothing() -> None:
    assert seconds_of_tree(2**30) == pytest.approx(0.0)


def test_what_was_started_with_a_mark_ends_with_all_that_came_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """10 has the mark and 11 comes of it; 12 has nothing to do with them."""
    alive, killed = {1: "0", 10: "1", 11: "10", 12: "1", os.getpid(): "10"}, list[int]()

    def kill(pid: int, number: int) -> None:
        killed.append(pid)
        del alive[pid]

    monkeypatch.setattr(processes, "_stats", lambda: {pid: ["S", parent] for pid, parent in alive.items()})
    monkeypatch.setattr(processes, "started_with", lambda mark: {10, 11} & alive.keys())
    monkeypatch.setattr(processes.os, "kill", kill)
    monkeypatch.setattr(processes.time, "sleep", lambda seconds: None)
    end_all("/tmp/mark")
    assert sorted(killed) == [10, 11]


def test_a_mark_is_looked_for_in_the_variables_that_a_process_was_started_with() -> None:
    assert started_with("\1 what no variable has") == set()
