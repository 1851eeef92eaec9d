"""What an allocator says and raises."""

from __future__ import annotations

from master.adapters.allocators.allocator import AllocationRefused, Checked, LookFailed


def test_a_refusal_says_where_what_and_what_to_do_and_ends_with_no_usable_worker() -> None:
    refused = AllocationRefused("hpc", "the partition is not there", "name another", "sbatch: error: x")
    assert str(refused) == "hpc: the partition is not there; name another\nsbatch: error: x"
    assert refused.exit_code == 4


def test_a_look_that_fails_names_the_host() -> None:
    assert str(LookFailed("login", "Slurm does not answer")) == "login: Slurm does not answer"


def test_nothing_is_wrong_where_nothing_was_found() -> None:
    assert not Checked().problems
