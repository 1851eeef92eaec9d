"""What an agent kills of its predecessor's when it begins, and of its own when it ends."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from worker_agent.core.state import AgentState
from worker_agent.protocol.events import Event, EventKind, Running, Ticks
from worker_agent.runtime import ending, recovery
from worker_agent.runtime.spool import Memory
from worker_agent.system.processes import Process


class Machine:
    """Processes that a test makes up: they end when they are killed, but for the stubborn."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.alive: dict[int, Process] = {}
        self.marked: set[int] = set()
        self.stubborn: set[int] = set()
        clock = itertools.count()
        for module in (recovery, ending):
            monkeypatch.setattr(module.time, "sleep", lambda seconds: None)
            monkeypatch.setattr(module.time, "monotonic", lambda: float(next(clock)))
            monkeypatch.setattr(module.processes, "kill", self.kill)
        monkeypatch.setattr(recovery.processes, "processes", self.all)
        monkeypatch.setattr(recovery.processes, "read_process", self.alive.get)
        monkeypatch.setattr(recovery.processes, "environment_has", self.has)
        monkeypatch.setattr(ending.processes, "every_child", lambda: iter([*self.alive, 99]))

    def add(self, pid: int, group: int | None = None, ticks: int = 5) -> None:
        self.alive[pid] = Process(pid, "S", group or pid, pid, ticks)

    def all(self) -> Iterator[Process]:
        return iter([*self.alive.values()])

    def has(self, pid: int, mark: bytes, whole: bool = True) -> bool:
        assert mark == b"TWOPHASE_OUTPUT_DIR=/w/runs/r1/attempts/" and not whole
        return pid in self.marked

    def kill(self, pid: int) -> None:
        if pid not in self.stubborn:
            del self.alive[pid]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def remembering(pid: int, before: int, after: int) -> Memory:
    event = Event(1, EventKind.RUNNING, "a", 1, 0.0, Running("cpu0", pid, Ticks(before, after)))
    return Memory(boot_id="boot", work_dir="/w", running={("a", 1): event})


def test_what_an_earlier_agent_left_is_known_by_its_group_and_its_environment(machine: Machine) -> None:
    machine.add(7)
    machine.add(8, group=7)
    machine.add(9)
    machine.add(10)
    machine.marked.add(9)
    assert recovery.kill_leftovers(remembering(7, 4, 6), "r1", "boot") == []
    assert list(machine.alive) == [10]


def test_a_number_that_was_given_anew_is_another_program(machine: Machine) -> None:
    machine.add(7, ticks=50)
    assert recovery.kill_leftovers(remembering(7, 4, 6), "r1", "boot") == []
    assert list(machine.alive) == [7]


def test_after_a_restart_of_the_machine_nothing_is_left(machine: Machine) -> None:
    machine.add(7)
    assert recovery.kill_leftovers(remembering(7, 4, 6), "r1", "another") == [] and machine.alive


def test_what_does_not_die_is_told(machine: Machine) -> None:
    machine.add(7)
    machine.stubborn.add(7)
    assert recovery.kill_leftovers(remembering(7, 4, 6), "r1", "boot") == [7]


def test_an_agent_kills_all_its_children_when_it_ends(machine: Machine) -> None:
    machine.add(7)
    machine.add(8)
    ending.kill_orphans()
    assert not machine.alive
    machine.add(9)
    machine.stubborn.add(9)
    ending.kill_orphans()
    assert list(machine.alive) == [9]


def test_attempts_are_stopped_and_waited_for(machine: Machine) -> None:
    waits = iter([0.0, 0.0, None])

    class Executor:
        polls = 0

        def wait_s(self) -> float | None:
            return next(waits)

        def poll(self) -> list[object]:
            self.polls += 1
            return []

    executor, effects = Executor(), _Effects()
    ending.end_attempts(AgentState(), effects, executor, 1.0)  # type: ignore[arg-type]
    assert executor.polls == 1 and effects.executed


class _Effects:
    executed = False

    def execute(self) -> None:
        self.executed = True


def test_a_directory_is_removed_under_another_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree, seen = tmp_path / "r1", list[Any]()
    tree.mkdir()
    monkeypatch.setattr(ending, "remove_tree", seen.append)
    ending.remove_under_another_name(tree)
    ending.remove_under_another_name(tree)
    (gone,) = seen
    assert gone.parent == tmp_path and gone.name.startswith(".r1.") and not tree.exists()
