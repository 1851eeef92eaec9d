from __future__ import annotations

import threading

from master.adapters.agent_links.gate import Gate

SOON_S = 20.0
"""For what must come; only a failing test waits so long."""


def passing(gate: Gate, pause_s: float) -> tuple[threading.Thread, list[bool]]:
    """Let a thread pass a gate; return it, and what it will be told."""
    told: list[bool] = []
    thread = threading.Thread(target=lambda: told.append(gate.passes(pause_s)), daemon=True)
    thread.start()
    return thread, told


def test_an_open_gate_is_passed_after_the_pause() -> None:
    gate = Gate()
    assert gate.passes(0.0) and gate.passes(0.001)


def test_a_shut_gate_is_passed_once_it_is_opened() -> None:
    gate = Gate()
    gate.shut()
    thread, told = passing(gate, 0.0)
    assert told == []
    gate.open()
    thread.join(SOON_S)
    assert told == [True]


def test_opening_it_cuts_the_pause_short() -> None:
    gate = Gate()
    thread, told = passing(gate, 3600.0)
    gate.open()
    thread.join(SOON_S)
    assert told == [True]


def test_nobody_passes_a_gate_that_has_ended() -> None:
    gate = Gate()
    gate.shut()
    thread, told = passing(gate, 3600.0)
    gate.end()
    thread.join(SOON_S)
    assert told == [False] and not gate.passes(0.0)


def test_what_is_connected_hangs_up_when_it_is_shut() -> None:
    heard: list[str] = []
    gate = Gate(lambda: heard.append("hung up"))
    gate.open()
    assert heard == []
    gate.shut()
    assert heard == ["hung up"]
