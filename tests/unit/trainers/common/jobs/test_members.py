"""Members of a group: how their flags are read, and how each ends by itself."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence

import pytest

from trainers.common.errors import BadInput
from trainers.common.jobs.members import Cancelled, begun, end, leave_if_cancelled, run_alone
from worker_agent.protocol.members import EXIT_CANCELLED, Member


class FullLog(io.StringIO):
    """A log on a full disk."""

    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


class Job:
    """A member that notes how it ended."""

    def __init__(self, *argv: str, is_cancelled: bool = False) -> None:
        self.argv: Sequence[str] = argv
        self.environ: dict[str, str] = {}
        self.directory = "."
        self.output = io.StringIO()
        self.codes: list[int] = []
        self._is_cancelled = is_cancelled

    def cancelled(self) -> bool:
        return self._is_cancelled

    def finish(self, code: int) -> None:
        self.codes.append(code)


def number(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("n", type=int)
    found: int = parser.parse_args(argv).n
    if found < 0:
        raise BadInput("n is below 0")
    return found


def test_flags_are_read_and_wrong_ones_told_to_their_own_member(capsys: pytest.CaptureFixture[str]) -> None:
    good, malformed, bad = Job("3"), Job("x"), Job("--", "-1")
    assert [begun(job, number, "train") for job in (good, malformed, bad)] == [3, None, None]
    assert (good.codes, malformed.codes, bad.codes) == ([], [2], [2])
    assert "invalid int value: 'x'" in malformed.output.getvalue()
    assert bad.output.getvalue() == "train: n is below 0\n"
    assert capsys.readouterr() == ("", "") and sys.stderr is not malformed.output


def test_a_cancelled_member_leaves_with_the_code_for_it() -> None:
    job = Job(is_cancelled=True)
    with pytest.raises(Cancelled) as caught:
        leave_if_cancelled(job)()
    end(job, caught.value, "train")
    assert job.codes == [EXIT_CANCELLED] and job.output.getvalue() == "train: cancelled\n"
    leave_if_cancelled(Job())()


def test_a_member_whose_log_takes_no_more_ends_with_its_code() -> None:
    job = Job()
    job.output = FullLog()
    end(job, BadInput("n is below 0"), "train")
    assert job.codes == [2]


def test_a_lone_job_is_a_group_of_one() -> None:
    def group_main(members: Sequence[Member]) -> None:
        (member,) = members
        assert not member.cancelled()
        print(*member.argv, member.environ["A"], member.directory, file=member.output)
        member.finish(7)

    output = io.StringIO()
    assert run_alone(group_main, ["a", "b"], {"A": "1"}, output) == 7
    assert output.getvalue() == "a b 1 .\n"
