"""Slurm's answers, also those that users' shells and old programs spoil."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from master.adapters.allocators.allocator import Allocation, AllocationState
from master.adapters.allocators.doubles import choose
from master.adapters.allocators.slurm import parsing
from master.adapters.allocators.slurm.commands import MARK

SEATS = {"tp-0-hpc.1": "hpc.1", "tp-0-hpc.2": "hpc.2"}
NOW = 1000.0


def seen(text: str) -> Mapping[str, Allocation]:
    """Return what a look makes of an answer."""
    return choose(parsing.queue(text, SEATS, NOW), {}).found


def test_an_answer_follows_the_last_mark() -> None:
    said = f"Welcome!\n{MARK}\nnot yet\n\n{MARK}\n42\n"
    assert parsing.answer(said.encode()) == "42\n"


def test_an_answer_without_a_mark_is_none() -> None:
    with pytest.raises(parsing.NoAnswer, match="quota exceeded"):
        parsing.answer(b"quota exceeded\n")


@pytest.mark.parametrize(("text", "number"), [("17\n", "17"), ("17;cluster2\n", "17")])
def test_the_id_of_a_submission(text: str, number: str) -> None:
    assert parsing.submitted_id(text) == number


def test_what_is_no_id_is_no_answer() -> None:
    with pytest.raises(parsing.NoAnswer):
        parsing.submitted_id("Submitted batch job\n")


def test_an_allocation_that_runs_tells_node_and_end_on_our_clock() -> None:
    text = "1500\n12|tp-0-hpc.1|RUNNING|n4|3:59:00|1400|None\n"
    assert seen(text) == {
        "hpc.1": Allocation("hpc.1", "12", AllocationState.RUNNING, ends_at=NOW + 14340, node="n4")
    }


def test_one_that_waits_tells_why_and_until_when_on_our_clock() -> None:
    text = "1500\n12|tp-0-hpc.1|PENDING||4:00:00|1800|Resources\n"
    assert seen(text) == {
        "hpc.1": Allocation("hpc.1", "12", AllocationState.QUEUED, "Resources", expected_at=1300.0)
    }


def test_a_reason_may_hold_anything() -> None:
    text = "1500\n12|tp-0-hpc.1|PENDING||4:00:00|N/A|(ReqNodeNotAvail, UnavailableNodes:n[1|2])\n"
    found = seen(text)["hpc.1"]
    assert found.reason.startswith("ReqNodeNotAvail, UnavailableNodes:n[1|2]")
    assert found.expected_at is None


@pytest.mark.parametrize(
    ("word", "reason", "told"),
    [
        ("CANCELLED", "None", "cancelled"),
        ("TIMEOUT", "TimeLimit", "timeout (TimeLimit)"),
        ("NODE_FAIL", "", "node_fail"),
        ("PREEMPTED", "None", "preempted"),
    ],
)
def test_how_one_ended(word: str, reason: str, told: str) -> None:
    text = f"1500\n12|tp-0-hpc.1|{word}|n4|1:00|1400|{reason}\n"
    found = seen(text)["hpc.1"]
    assert (found.state, found.reason) == (AllocationState.GONE, told)


def test_one_that_completes_is_not_gone_yet() -> None:
    found = seen("1500\n12|tp-0-hpc.1|COMPLETING|n4|1:00|1400|None\n")["hpc.1"]
    assert (found.state, found.reason) == (AllocationState.RUNNING, "completing")


def test_of_several_the_one_that_lives_is_the_seats_and_the_older_of_two_that_live() -> None:
    text = "1500\n" + "".join(
        f"{number}|tp-0-hpc.1|{state}|n|1:00|1400|None\n"
        for number, state in [
            (9, "TIMEOUT"),
            (14, "CANCELLED"),
            (12, "RUNNING"),
            (13, "RUNNING"),
            (11, "PENDING"),
        ]
    )
    assert seen(text)["hpc.1"].allocation_id == "12"


def test_of_ended_ones_the_last_counts() -> None:
    text = "1500\n9|tp-0-hpc.1|TIMEOUT|n|1:00|1|None\n14|tp-0-hpc.1|FAILED|n|1:00|1|NonZeroExitCode\n"
    assert seen(text)["hpc.1"].reason == "failed (NonZeroExitCode)"


def test_jobs_of_other_names_and_lines_that_are_none_are_passed_over() -> None:
    text = "1500\nCLUSTER: hpc\n12|mine|RUNNING|n|1:00|1|None\n"
    assert seen(text) == {}


@pytest.mark.parametrize("text", ["", "squeue: error\n", "\u00b2\n", f"{10**400}\n"])
def test_what_does_not_begin_with_the_clock_is_no_answer(text: str) -> None:
    with pytest.raises(parsing.NoAnswer):
        seen(text)


@pytest.mark.parametrize("number", ["", "12_3", "12+0", "\u00b2", "9" * 40])
def test_an_allocation_without_an_id_is_no_answer(number: str) -> None:
    with pytest.raises(parsing.NoAnswer, match="no id of an allocation"):
        seen(f"1500\n{number}|tp-0-hpc.1|RUNNING|n|1:00|1|None\n")


@pytest.mark.parametrize("word", ["", "\u00b2", "9" * 400, "9999-99-99", "0001-01-01T00:00:00", "1:\u00b2"])
def test_times_that_are_none_are_not_known(word: str) -> None:
    text = f"1500\n12|tp-0-hpc.1|PENDING||{word}|{word}|None\n13|tp-0-hpc.2|RUNNING|n|{word}|{word}|None\n"
    found = seen(text)
    assert found["hpc.1"].expected_at is None or found["hpc.1"].expected_at < NOW
    assert found["hpc.2"].ends_at is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("59:56", 3596),
        ("1:00:00", 3600),
        ("2-01:00:30", 176430),
        ("UNLIMITED", None),
        ("INVALID", None),
        ("NOT_SET", None),
        ("infinite", None),
    ],
)
def test_spans_of_time(text: str, seconds: float | None) -> None:
    assert parsing.seconds(text) == seconds


def test_a_date_of_an_old_program_is_one_too() -> None:
    assert parsing.moment("2026-11-27T10:11:04") is not None
    assert parsing.moment("N/A") is None


def test_what_a_test_of_a_submission_expects() -> None:
    said = "motd\nsbatch: Job 10 to start at 1795777869 using 1 processors on nodes n1 in partition main\n"
    assert parsing.expected(said) == parsing.Expected(1795777869.0, "main")
    assert parsing.expected("allocation failure: Requested time limit is invalid") is None


def test_a_site_is_read_from_the_answers_to_our_questions() -> None:
    text = (
        "version:\nslurm-wlm 22.05.8\nclock:\n1500\npartitions:\n"
        "main*|up|1:00:00|(null)\ngpu|up|infinite|gpu:a100:4(S:0-1)\ngpu|up|infinite|gpu:h100:8,shard:4\n"
        "old|down|30:00|(null)\ndisks:\nnfs\next2/ext3\nhost:\nlogin1\nnodes:\nn1\nn1\nn2\n"
        "config:\nAccountingStorageType   = accounting_storage/none\nno pair\n"
    )
    site = parsing.site(text)
    assert (site.version, site.clock) == ((22, 5), 1500.0)
    assert site.partitions == (
        parsing.Partition("main", True, True, 3600.0, ()),
        parsing.Partition("gpu", False, True, None, ("gpu:a100:4(S:0-1)", "gpu:h100:8", "shard:4")),
        parsing.Partition("old", False, False, 1800.0, ()),
    )
    assert site.config == {"AccountingStorageType": "accounting_storage/none"}
    assert (site.login_host, site.node_hosts) == ("login1", ("n1", "n2"))
    assert site.file_systems == ("nfs", "ext2/ext3")


def test_a_site_that_answers_nothing_is_unknown_not_wrong() -> None:
    site = parsing.site("version:\nclock:\npartitions:\nconfig:\n")
    assert (site.version, site.clock, site.partitions, site.config) == (None, None, (), {})
