"""Names of allocations."""

from __future__ import annotations

from master.adapters.allocators.names import allocation_name


def test_a_name_tells_the_run_and_the_seat() -> None:
    assert allocation_name("0123456789abcdef", "hpc.3") == "tp-0123456789abcdef-hpc.3"


def test_runs_whose_ids_begin_alike_take_nothing_of_each_other() -> None:
    one, other = ("0123456789ab" + end for end in ("00" * 10, "ff" * 10))
    assert allocation_name(one, "hpc.1") != allocation_name(other, "hpc.1")
