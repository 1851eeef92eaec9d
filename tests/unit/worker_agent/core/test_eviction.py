"""What leaves a cache that is too large, and what never does."""

from __future__ import annotations

import pytest

from worker_agent.core import staging, transitions
from worker_agent.core.eviction import Disk, Entry, excess, needed, on_removed, surplus
from worker_agent.core.execution import Started
from worker_agent.core.shares import Device
from worker_agent.core.state import AgentState, Artefact, Phase
from worker_agent.protocol import messages as msg

GB = 1000**3
H1, H2 = "1" * 64, "2" * 64


def cache(*sizes: int) -> list[Entry]:
    """Return artefacts `a`, `b`, … of these sizes, `a` used first."""
    return [Entry(chr(ord("a") + n), size, 100.0 + n) for n, size in enumerate(sizes)]


@pytest.mark.parametrize(
    ("total", "free", "limit", "too_many"),
    [
        (60, 1, 50, (10, 10)),
        (50, 0, 50, (0, 0)),
        (7, 1000 * GB, 0, (7, 7)),
        (5, 30 * GB, None, (-10 * GB, -25 * GB)),
        (5, 19 * GB, None, (1 * GB, -14 * GB)),
        (5, 4 * GB, None, (16 * GB, 1 * GB)),
    ],
)
def test_how_much_is_too_much(total: int, free: int, limit: int | None, too_many: tuple[int, int]) -> None:
    assert excess(total, Disk(2000 * GB, free), limit) == too_many


def test_on_a_small_disk_a_tenth_stays_free() -> None:
    assert excess(1, Disk(50 * GB, 3 * GB), None) == (2 * GB, 1.25 * GB - 3 * GB)


@pytest.mark.parametrize(
    ("too_many", "kept", "ours", "leaves"),
    [
        ((0, 0), "", "", ""),
        ((1, 1), "", "", "a"),
        ((10, 10), "", "", "a"),
        ((11, 11), "", "", "ab"),
        ((1000, 1000), "", "", "abcd"),
        ((11, 11), "ac", "", "bd"),
        ((1000, 1000), "abcd", "", ""),
        ((1, 1), "", "a", "b"),
        ((30, 30), "", "ab", "cda"),
        ((31, 31), "", "ab", "cdab"),
        ((1000, 1000), "b", "ab", "cda"),
        ((1000, 0), "", "ab", "cd"),
        ((25, 5), "", "abc", "d"),
        ((1000, 15), "", "abc", "da"),
        ((1, 1), "", "zz", "a"),
    ],
)
def test_the_least_recently_used_of_no_active_run_leave_first(
    too_many: tuple[int, int], kept: str, ours: str, leaves: str
) -> None:
    assert "".join(surplus(cache(10, 10, 10, 10), too_many, set(kept), set(ours))) == leaves


def test_what_is_equally_old_leaves_in_the_order_of_its_names() -> None:
    entries = [Entry(name, 1, 5.0) for name in "cab"]
    assert surplus(entries, (2, 2), set(), set()) == ["a", "b"]


def test_what_attempts_need_or_is_hashed_stays() -> None:
    state = AgentState(devices={"s1": Device("s1")})
    transitions.on_launch(state, msg.Launch("a", 1, 2, ["x"], base_model=H1), 1.0)
    assert needed(state) == {H1}
    staging.on_found(state, H1, 2.0)
    assert state.attempts["a", 1].phase is Phase.STARTING and needed(state) == {H1}
    transitions.on_not_started(state, Started(("a", 1), 0, "no"), 3.0)
    assert needed(state) == set()
    staging.on_delivered(state, msg.Delivered(H2))
    assert needed(state) == {H2}


def test_what_was_removed_is_looked_for_again() -> None:
    state = AgentState(artefacts={H1: Artefact.PRESENT})
    on_removed(state, H1)
    on_removed(state, H2)
    transitions.on_launch(state, msg.Launch("a", 1, 2, ["x"], base_model=H1), 1.0)
    assert state.artefacts[H1] is Artefact.LOOKING
