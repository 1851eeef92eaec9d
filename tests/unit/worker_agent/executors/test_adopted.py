"""Attempts of an earlier agent are watched, and end as their keeper tells."""

from __future__ import annotations

from pathlib import Path

import pytest

from worker_agent.core.execution import Exit
from worker_agent.executors import adopted, escalation
from worker_agent.executors.adopted import LOOK_S, Adopted, AdoptedExecutor
from worker_agent.system.exits import Ended, note
from worker_agent.system.processes import TICKS_PER_S, Process

KEY = ("a", 1)


class Machine:
    """Processes and a clock that a test moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
        self.now, self.alive, self.path, self.ticks = 100.0, True, path, 500
        self.executor = AdoptedExecutor()
        monkeypatch.setattr(adopted.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(adopted.processes, "read_process", self.read)
        monkeypatch.setattr(adopted.processes, "group_alive", lambda group: False)
        monkeypatch.setattr(adopted.processes, "processes", lambda: iter(()))
        self.executor.adopt(Adopted(KEY, 7, 500, b"MARK=x"), path)

    def read(self, pid: int) -> Process:
        return Process(pid, "S" if self.alive else "Z", pid, pid, self.ticks)

    def look(self) -> list[Exit]:
        self.now += LOOK_S
        return self.executor.poll()


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Machine:
    return Machine(monkeypatch, tmp_path / "exits.jsonl")


def test_it_ends_as_its_keeper_says(machine: Machine) -> None:
    assert machine.look() == []
    machine.alive = False
    assert machine.look() == []
    note(machine.path, Ended(7, 500, 500 + 3 * TICKS_PER_S, 2 << 8, 4096))
    assert machine.look() == [Exit(KEY, 2, 4096, 3.0)]
    assert machine.look() == [] and machine.executor.wait_s() is None


def test_the_end_of_another_process_with_its_pid_is_not_its_own(machine: Machine) -> None:
    machine.alive = False
    note(machine.path, Ended(7, 900, 950, 0, 4096))
    assert machine.look() == []


def test_one_of_whose_end_nothing_is_told_is_lost(machine: Machine) -> None:
    machine.alive = False
    ends = [end for _ in range(100) for end in machine.look()]
    assert [(end.key, bool(end.problem)) for end in ends] == [(KEY, True)]


def test_it_is_not_looked_at_more_often_than_makes_sense(machine: Machine) -> None:
    machine.look()
    machine.alive = False
    note(machine.path, Ended(7, 500, 600, 0, 4096))
    assert machine.executor.poll() == []
    assert machine.executor.wait_s() == pytest.approx(LOOK_S)


def test_what_is_not_adopted_is_not_stopped_here(machine: Machine) -> None:
    assert not machine.executor.stop(("b", 1), 1.0)


def test_another_program_that_has_its_number_by_now_is_left_alone(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[int, int]] = []
    for module in (adopted, escalation):
        monkeypatch.setattr(module.processes, "signal_group", lambda *each: sent.append(each))
    monkeypatch.setattr(adopted.processes, "group_alive", lambda group: True)
    machine.executor.stop(KEY, 1.0)
    assert sent == [(7, 2)]
    machine.ticks = 900
    note(machine.path, Ended(7, 500, 600, 0, 4096))
    machine.now += 5.0
    machine.executor.stop(KEY, 0.0)
    assert [end.key for end in machine.look()] == [KEY]
    assert sent == [(7, 2)]
