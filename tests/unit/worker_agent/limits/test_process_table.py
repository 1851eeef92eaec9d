"""Which processes belong to an attempt."""

from __future__ import annotations

import os

import pytest

from worker_agent.limits.process_table import ProcessTable, Row, memory_of, own_memory_of
from worker_agent.system import processes

MARK = b"TWOPHASE_OUTPUT_DIR=/x"
AGENT = os.getpid()


def table(*rows: tuple[int, int, int]) -> ProcessTable:
    """Return the table of `(pid, parent, session)`."""
    return ProcessTable({pid: Row(parent, session) for pid, parent, session in rows})


@pytest.fixture(autouse=True)
def marked(monkeypatch: pytest.MonkeyPatch) -> None:
    def environment(pid: int) -> list[bytes]:
        return [b"A=b", MARK] if pid in (900_010, 900_011) else [b"A=b"]

    monkeypatch.setattr(processes, "environment_of", environment)


def test_a_session_and_all_that_it_started_belong_to_an_attempt() -> None:
    found = table(
        *((900_001, AGENT, 900_001), (900_002, 900_001, 900_001), (900_003, 900_002, 900_003)),
        *((900_004, 900_003, 900_004), (900_099, AGENT, 900_099)),
    )
    assert sorted(found.members(900_001, MARK)) == [900_001, 900_002, 900_003, 900_004]


def test_orphans_of_a_session_and_orphans_with_the_mark_belong_to_it_too() -> None:
    found = table(
        *((900_001, AGENT, 900_001), (900_005, 1, 900_001)),
        *((900_010, AGENT, 900_010), (900_012, 900_010, 900_012), (900_013, AGENT, 900_013)),
    )
    assert sorted(found.members(900_001, MARK)) == [900_001, 900_005, 900_010, 900_012]


def test_orphans_of_an_earlier_agent_are_with_its_keeper() -> None:
    found = table((900_001, 800_000, 900_001), (900_011, 800_000, 900_011), (900_013, 800_000, 900_013))
    assert sorted(found.members(900_001, MARK)) == [900_001, 900_011]


def test_of_a_leader_that_is_gone_the_rest_is_found() -> None:
    found = table((900_002, 1, 900_001), (900_010, AGENT, 900_010))
    assert sorted(found.members(900_001, MARK)) == [900_002, 900_010]
    assert table().members(900_001, MARK) == []


def test_this_process_is_in_the_table_with_its_memory() -> None:
    found = ProcessTable.read()
    assert AGENT in found.members(AGENT, b"")
    assert 0 < own_memory_of([AGENT]) <= 1.1 * memory_of([AGENT])
    assert memory_of([2**22 + 1]) == own_memory_of([2**22 + 1]) == 0
