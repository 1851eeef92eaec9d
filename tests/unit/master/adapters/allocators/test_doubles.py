from __future__ import annotations

import pytest

from master.adapters.allocators.allocator import Allocation, AllocationState
from master.adapters.allocators.doubles import ENDING, choose

QUEUED, RUNNING, GONE = AllocationState


def of(number: int, state: AllocationState, reason: str = "") -> Allocation:
    return Allocation("hpc.1", str(number), state, reason)


@pytest.mark.parametrize(
    ("found", "known", "kept", "given_back"),
    [
        ([of(9, GONE), of(14, GONE)], None, 14, []),
        ([of(9, RUNNING), of(14, GONE)], None, 9, []),
        ([of(9, QUEUED), of(14, RUNNING)], of(9, QUEUED), 14, [9]),
        ([of(9, RUNNING), of(14, RUNNING)], None, 9, [14]),
        ([of(9, RUNNING), of(14, RUNNING)], of(14, RUNNING), 14, [9]),
        ([of(9, RUNNING), of(14, RUNNING)], of(14, QUEUED), 9, [14]),
        ([of(9, QUEUED), of(14, QUEUED), of(15, QUEUED)], None, 9, [15, 14]),
        ([of(9, RUNNING, ENDING), of(14, QUEUED)], of(9, RUNNING), 14, []),
        ([of(9, RUNNING, ENDING), of(14, RUNNING, ENDING)], None, 9, []),
    ],
)
def test_of_several_allocations_one_is_the_seats_and_the_others_go_back(
    found: list[Allocation], known: Allocation | None, kept: int, given_back: list[int]
) -> None:
    chosen = choose(found, {"hpc.1": known} if known else {})
    assert chosen.found["hpc.1"].allocation_id == str(kept)
    assert [int(each.allocation_id) for each in chosen.surplus] == given_back


def test_seats_are_chosen_for_alone() -> None:
    other = Allocation("hpc.2", "3", QUEUED)
    assert choose([of(4, RUNNING), other], {}) == choose([other, of(4, RUNNING)], {})
    assert choose([of(4, RUNNING), other], {}).surplus == ()
