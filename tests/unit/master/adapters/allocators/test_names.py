"""Names of allocations."""

from __future__ import annotations

from master.adapters.allocators.names import allocation_name


def test_a_name_tells_the_run_and_the_seat() -> None:
    assert allocation_name("0123456789abcdef", "hpc.3") == "tp-01234567-hpc.3"
