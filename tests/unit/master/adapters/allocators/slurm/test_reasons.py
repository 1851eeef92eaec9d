"""What Slurm's words mean."""

from __future__ import annotations

import pytest

from master.adapters.allocators.slurm import reasons


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("sbatch: error: invalid partition specified: nope", "the partition is not there"),
        (
            "sbatch: error: Batch job submission failed: "
            "Invalid account or account/partition combination specified",
            "the account is not there, or may not use that partition",
        ),
        ("sbatch: error: Invalid generic resource (gres) specification", "the GPU type is not there"),
        (
            "sbatch: error: Batch job submission failed: Requested node configuration is not available",
            "no node has what is asked for (GPUs, cores and memory together)",
        ),
        (
            "allocation failure: Requested time limit is invalid (missing or exceeds some limit)",
            "it asks for more time than may be had",
        ),
        (
            "sbatch: error: AssocMaxSubmitJobLimit\nsbatch: error: Batch job submission failed: Job violates "
            "accounting/QOS policy (job submit limit, user's size and/or time limits)",
            "a limit of submissions, size or time is reached",
        ),
        (
            "sbatch: error: Batch job submission failed: Invalid qos specification",
            "the quality of service is not there for you",
        ),
        (
            "sbatch: error: Batch job submission failed: Invalid feature specification",
            "no node has that feature",
        ),
        ("/usr/bin/sbatch: unrecognized option '--frobnicate'", "its `sbatch` does not know an option"),
        ("sbatch: error: something new", "Slurm refuses it"),
    ],
)
def test_a_refusal_says_what_is_wrong_and_what_to_do(said: str, problem: str) -> None:
    told = reasons.refusal(said)
    assert told.problem == problem
    assert "options" in told.cure or "`time`" in told.cure or "`seats`" in told.cure


@pytest.mark.parametrize(
    "said",
    [
        "squeue: error: Unable to contact slurm controller (connect failure)",
        "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation",
        "sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying",
        "slurm_load_jobs error: Zero Bytes were transmitted or received",
    ],
)
def test_what_passes_is_no_refusal(said: str) -> None:
    assert reasons.is_transient(said)


def test_a_refusal_does_not_pass() -> None:
    assert not reasons.is_transient("sbatch: error: invalid partition specified: nope")


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("None", "not looked at by the scheduler yet"),
        ("(Resources)", "Resources"),
        ("Priority", "Priority"),
        (
            "PartitionTimeLimit",
            "PartitionTimeLimit: it asks for more time than the partition gives: lower `time` of the pool",
        ),
    ],
)
def test_why_an_allocation_waits(word: str, told: str) -> None:
    assert reasons.explained(word) == told


def test_what_startup_files_say_is_not_slurms() -> None:
    said = b"module: command not found\nsbatch: error: invalid partition specified: nope\nLast login: today\n"
    assert reasons.last_words(said) == "sbatch: error: invalid partition specified: nope"


_POLICY = (
    "sbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job submit limit, …)"
)


@pytest.mark.parametrize(
    ("said", "passes"),
    [
        (f"sbatch: error: AssocMaxSubmitJobLimit\n{_POLICY}", True),
        (f"sbatch: error: QOSMaxSubmitJobPerUserLimit\n{_POLICY}", True),
        (f"sbatch: error: QOSMaxWallDurationPerJobLimit\n{_POLICY}", False),
        (f"sbatch: error: QOSMaxGRESPerJob, QOSMaxTRESPerJob\n{_POLICY}", False),
        ("sbatch: error: invalid partition specified: nope", False),
    ],
)
def test_a_limit_of_submissions_passes_and_one_of_time_or_size_does_not(said: str, passes: bool) -> None:
    assert reasons.refusal(said).passing == passes
