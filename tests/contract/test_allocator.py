"""What every allocator keeps, whatever engine lends the machines."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from master.adapters.allocators.allocator import (
    Allocation,
    AllocationRefused,
    AllocationState,
    Allocator,
    LookFailed,
)
from tests.contract.allocator_worlds import AllocatorWorld, fake_engine, slurm_engine

pytestmark = pytest.mark.timeout(120)
QUEUED, RUNNING, GONE = AllocationState


@pytest.fixture(params=["fake", pytest.param("slurm", marks=pytest.mark.slurm)])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AllocatorWorld]:
    if request.param == "fake":
        with fake_engine() as made:
            yield made
    else:
        with slurm_engine(request.getfixturevalue("slurm"), tmp_path) as made:
            yield made


def seen(allocator: Allocator, is_so: Callable[[dict[str, Allocation]], bool]) -> dict[str, Allocation]:
    """Return what a look finds once it is so."""
    deadline = time.monotonic() + 60
    while not is_so(found := dict(allocator.look())):
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    return found


def has(state: AllocationState, *seats: str) -> Callable[[dict[str, Allocation]], bool]:
    return lambda found: all(seat in found and found[seat].state is state for seat in seats)


def test_a_run_that_asked_for_nothing_has_nothing(engine: AllocatorWorld) -> None:
    assert engine.make("").look() == {}


def test_an_allocation_runs_on_a_node_until_its_end_or_until_it_is_given_back(engine: AllocatorWorld) -> None:
    allocator = engine.make("")
    number = allocator.submit("hpc.1")
    got = seen(allocator, has(RUNNING, "hpc.1"))["hpc.1"]
    assert (got.allocation_id, got.seat, bool(got.node), got.reason) == (number, "hpc.1", True, "")
    assert got.ends_at is not None
    allocator.cancel(number)
    assert "cancelled" in seen(allocator, has(GONE, "hpc.1"))["hpc.1"].reason
    allocator.cancel(number)


def test_what_finds_no_node_waits_and_says_why(engine: AllocatorWorld) -> None:
    allocator = engine.make("")
    numbers = [allocator.submit(f"hpc.{number}") for number in (1, 2, 3)]
    assert len(set(numbers)) == 3
    waits = seen(allocator, lambda found: has(RUNNING, "hpc.1", "hpc.2")(found) and _is_explained(found))[
        "hpc.3"
    ]
    assert (waits.allocation_id, waits.node, waits.ends_at) == (numbers[2], "", None)
    allocator.cancel(numbers[0])
    seen(allocator, has(RUNNING, "hpc.3"))


def _is_explained(found: dict[str, Allocation]) -> bool:
    return found["hpc.3"].state is QUEUED and found["hpc.3"].reason in ("Resources", "Priority")


def test_another_start_of_the_run_finds_what_was_asked_for_and_another_run_does_not(
    engine: AllocatorWorld,
) -> None:
    number = engine.make("").submit("hpc.1")
    assert engine.make("").look()["hpc.1"].allocation_id == number
    assert engine.another_run().look() == {}


@pytest.mark.parametrize("first_runs", [True, False])
def test_of_two_allocations_of_a_seat_one_is_kept_and_the_other_given_back(
    engine: AllocatorWorld, first_runs: bool
) -> None:
    allocator = engine.make("")
    unheard = engine.come_through("hpc.1") if not first_runs else ""
    own = allocator.submit("hpc.1")
    if first_runs:
        seen(allocator, has(RUNNING, "hpc.1"))
        unheard = engine.come_through("hpc.1")
    assert len(engine.alive()) == 2 and own != unheard
    kept = own if first_runs else unheard
    found = seen(allocator, lambda found: has(RUNNING, "hpc.1")(found) and len(engine.alive()) == 1)
    assert (found["hpc.1"].allocation_id, engine.alive()) == (kept, [kept])
    assert engine.make("").look()["hpc.1"].allocation_id == kept


def test_an_engine_that_does_not_answer_says_nothing_and_has_lost_nothing(engine: AllocatorWorld) -> None:
    allocator = engine.make("")
    number = allocator.submit("hpc.1")
    seen(allocator, has(RUNNING, "hpc.1"))
    engine.go_away()
    for ask in (allocator.look, lambda: allocator.submit("hpc.2"), lambda: allocator.cancel(number)):
        with pytest.raises(LookFailed):
            ask()
    engine.come_back()
    found = seen(allocator, has(RUNNING, "hpc.1"))
    assert found.keys() == {"hpc.1"}
    assert found["hpc.1"].allocation_id == number
    second = allocator.submit("hpc.2")
    assert seen(allocator, has(RUNNING, "hpc.2"))["hpc.2"].allocation_id == second


def test_what_is_not_to_be_had_is_refused_in_words_before_and_at_a_submission(engine: AllocatorWorld) -> None:
    allocator = engine.make("nope")
    assert allocator.check().problems
    with pytest.raises(AllocationRefused) as told:
        allocator.submit("hpc.1")
    assert "hpc" in str(told.value)
    assert allocator.look() == {}


def test_a_check_says_when_an_allocation_would_begin_and_asks_for_none(engine: AllocatorWorld) -> None:
    allocator = engine.make("")
    checked = allocator.check()
    assert checked.problems == ()
    assert any("an allocation would begin" in note for note in checked.notes)
    assert allocator.look() == {}
