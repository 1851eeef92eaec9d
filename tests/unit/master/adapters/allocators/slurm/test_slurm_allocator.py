"""What the allocator makes of answers, and of none."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from master.adapters.allocators.allocator import AllocationRefused, AllocationState, LookFailed
from master.adapters.allocators.pilots import Pilot
from master.adapters.allocators.slurm.commands import MARK
from master.adapters.allocators.slurm.slurm_allocator import SlurmAllocator
from master.adapters.session import Session
from master.errors import DiskFull, RemoteError, SessionLost, WorkerUnusable
from master.specs import PoolSpec, ServerSpec
from tests.support.fake_session import FakeSession, Reply

POOL = PoolSpec("hpc", ServerSpec("login", "login"), 2, 3600.0)
AWAY = Reply(1, stderr=b"squeue: error: Unable to contact slurm controller (connect failure)\n")
TIMED_OUT = Reply(1, stderr=b"sbatch: error: Batch job submission failed: Socket timed out on send/recv\n")
NOW = 1000.0


def said(text: str) -> Reply:
    return Reply(stdout=f"motd\n{MARK}\n{text}".encode())


class Login:
    """A login host that is played: the next reply of each program."""

    def __init__(self) -> None:
        self.replies: dict[str, Reply] = {}
        self.asked: list[str] = []
        self.opened = 0
        self.session = FakeSession()
        self.steady = 0.0

    def open(self) -> FakeSession:
        self.opened += 1
        self.session = FakeSession()
        self.session.script("sh", "-c", behaviour=self._answer)
        return self.session

    def _answer(self, words: tuple[str, ...], stdin: bytes) -> Reply:
        program = next(
            name for name in ("squeue", "scancel", "sbatch") if any(name in word for word in words[2:])
        )
        self.asked.append(program)
        return self.replies[program]

    def allocator(self) -> SlurmAllocator:
        make: Callable[..., Pilot] = lambda session, seat: Pilot(("py",), "./state", "agent.log")  # noqa: E731
        return SlurmAllocator(POOL, self.open, "run-0123", make, lambda: NOW, lambda: self.steady)


@pytest.fixture
def login() -> Login:
    return Login()


def test_a_submission_is_known_before_it_is_seen(login: Login) -> None:
    allocator = login.allocator()
    login.replies = {"sbatch": said("17\n"), "squeue": said("1000\n")}
    assert allocator.submit("hpc.1") == "17"
    assert allocator.look()["hpc.1"].state is AllocationState.QUEUED


def test_what_nobody_names_any_more_is_gone_after_a_minute(login: Login) -> None:
    allocator = login.allocator()
    login.replies = {"sbatch": said("17\n"), "squeue": said("1000\n")}
    allocator.submit("hpc.1")
    for login.steady, is_there in [(0.0, True), (59.0, True), (60.0, False)]:
        assert ("hpc.1" in allocator.look()) == is_there


def test_a_controller_that_is_away_ends_nothing(login: Login) -> None:
    allocator = login.allocator()
    login.replies = {"sbatch": said("17\n"), "squeue": AWAY}
    allocator.submit("hpc.1")
    for login.steady in (0.0, 30.0, 90.0):
        with pytest.raises(LookFailed, match="does not answer squeue"):
            allocator.look()
    login.replies["squeue"] = said("1000\n")
    assert "hpc.1" in allocator.look()


def test_a_submission_that_nobody_confirmed_is_looked_for_before_the_next(login: Login) -> None:
    allocator = login.allocator()
    login.replies = {
        "sbatch": TIMED_OUT,
        "squeue": said("1000\n17|tp-run-0123-hpc.1|PENDING||1:00|N/A|None\n"),
    }
    with pytest.raises(LookFailed):
        allocator.submit("hpc.1")
    assert allocator.submit("hpc.1") == "17"
    assert login.asked == ["sbatch", "squeue"]


def test_one_that_had_not_gone_through_is_submitted_again(login: Login) -> None:
    allocator = login.allocator()
    login.replies = {"sbatch": TIMED_OUT, "squeue": said("1000\n")}
    with pytest.raises(LookFailed):
        allocator.submit("hpc.1")
    login.replies["sbatch"] = said("18\n")
    assert allocator.submit("hpc.1") == "18"
    assert login.asked == ["sbatch", "squeue", "sbatch"]


LATE = "1000\n17|tp-run-0123-hpc.1|PENDING||1:00|N/A|None\n18|tp-run-0123-hpc.1|PENDING||1:00|N/A|None\n"


@pytest.mark.parametrize("cancelled", [said(""), AWAY])
def test_one_that_comes_through_behind_the_next_is_given_back(login: Login, cancelled: Reply) -> None:
    allocator = login.allocator()
    login.replies = {"sbatch": TIMED_OUT, "squeue": said("1000\n"), "scancel": cancelled}
    with pytest.raises(LookFailed):
        allocator.submit("hpc.1")
    allocator.look()
    login.replies["sbatch"] = said("18\n")
    assert allocator.submit("hpc.1") == "18"
    login.replies["squeue"] = said(LATE)
    for _ in range(2):  # one that is not heard is repeated
        assert allocator.look()["hpc.1"].allocation_id == "17"
    assert login.asked == ["sbatch", "squeue", "sbatch", *["squeue", "scancel"] * 2]
    assert [call.argv[-1] for call in login.session.calls if call.argv[-2:-1] == ("scancel",)] == ["18"] * 2


def test_a_submission_that_was_ended_for_it_took_too_long_leaves_it_unsure(login: Login) -> None:
    login.replies = {"sbatch": Reply(124), "squeue": said("1000\n17|tp-run-0123-hpc.1|PENDING||1|1|None\n")}
    allocator = login.allocator()
    with pytest.raises(LookFailed, match="does not answer sbatch"):
        allocator.submit("hpc.1")
    assert allocator.submit("hpc.1") == "17"


def test_a_link_that_breaks_during_a_submission_leaves_it_unsure(login: Login) -> None:
    allocator = login.allocator()
    login.replies = {"sbatch": said("17\n"), "squeue": said("1000\n")}
    allocator.look()
    login.session.drop_link()
    with pytest.raises(SessionLost):
        allocator.submit("hpc.1")
    assert allocator.submit("hpc.1") == "17"
    assert login.opened == 2


def test_a_refusal_names_the_pool_and_the_cure(login: Login) -> None:
    login.replies = {"sbatch": Reply(1, stderr=b"sbatch: error: invalid partition specified: nope\n")}
    with pytest.raises(AllocationRefused) as told:
        login.allocator().submit("hpc.1")
    assert str(told.value).startswith("hpc: the partition is not there; name one of those that `sinfo` lists")
    assert "invalid partition specified: nope" in str(told.value)


def test_a_host_without_slurm_is_a_refusal(login: Login) -> None:
    login.replies = {"sbatch": Reply(127, stderr=b"sh: 1: sbatch: not found\n")}
    with pytest.raises(AllocationRefused, match="login has no `sbatch`; name the login host"):
        login.allocator().submit("hpc.1")


def test_a_state_directory_that_cannot_be_made_is_a_refusal(login: Login) -> None:
    login.replies = {
        "sbatch": Reply(73, stderr=b"mkdir: cannot create directory './state': Permission denied\n")
    }
    with pytest.raises(AllocationRefused, match="set `state_dir` of the pool"):
        login.allocator().submit("hpc.1")


@pytest.mark.parametrize(("kind", "passes"), [(WorkerUnusable, False), (DiskFull, True)])
def test_an_agent_that_cannot_be_brought_there_is_a_refusal(
    login: Login, kind: type[RemoteError], passes: bool
) -> None:
    def make(session: Session, seat: str) -> Pilot:
        raise kind("login", "no Python: `py` cannot be run; set `python`")

    with pytest.raises(AllocationRefused, match="cannot be brought to login: no Python: `py`") as told:
        SlurmAllocator(POOL, login.open, "run-0123", make).submit("hpc.1")
    assert told.value.passing is passes and login.asked == []


@pytest.mark.parametrize(
    ("ended", "told"),
    [
        (
            "FAILED||1:00|1|NonZero",
            "failed (NonZero), ./state/agent.log on login may tell why",
        ),
        ("TIMEOUT||1:00|1|TimeLimit", "timeout (TimeLimit)"),
        (
            "FAILED|n1|1:00|1|JobLaunchFailure",
            "failed (JobLaunchFailure), its node cannot begin it: does `state_dir` ~/.twophase lie on a disk"
            " that nodes share?",
        ),
    ],
)
def test_where_it_is_told_why_an_agent_failed_is_said(login: Login, ended: str, told: str) -> None:
    allocator = login.allocator()
    login.replies = {"sbatch": said("17\n"), "squeue": said(f"1000\n17|tp-run-0123-hpc.1|{ended}\n")}
    allocator.submit("hpc.1")
    assert allocator.look()["hpc.1"].reason == told


def test_an_answer_that_a_startup_file_swallowed_is_no_answer(login: Login) -> None:
    login.replies = {"squeue": Reply(stdout=b"over quota\n")}
    with pytest.raises(LookFailed, match="no answer of squeue: over quota"):
        login.allocator().look()


def test_what_has_ended_may_be_cancelled_again(login: Login) -> None:
    login.replies = {
        "scancel": Reply(1, stderr=b"scancel: error: Kill job error on job id 9: Invalid job id specified\n")
    }
    login.allocator().cancel("9")
    assert login.asked == ["scancel"]


def test_a_cancel_that_nobody_heard_is_said(login: Login) -> None:
    login.replies = {"scancel": AWAY}
    with pytest.raises(LookFailed):
        login.allocator().cancel("9")


def test_closing_ends_the_session(login: Login) -> None:
    allocator = login.allocator()
    login.replies = {"squeue": said("1000\n")}
    allocator.look()
    allocator.close()
    assert login.session.calls[-1].verb == "close"
