"""Which command of a seat runs where."""

from __future__ import annotations

import pytest

from master.adapters.allocators.allocator import Allocation, AllocationState
from master.adapters.allocators.seat_session import SeatSession
from master.adapters.allocators.slurm.commands import on_node, step
from master.errors import SessionLost
from master.specs import BY_SRUN, BY_SSH
from tests.support.fake_session import FakeSession, Reply

RUNS = Allocation("hpc.1", "7", AllocationState.RUNNING, node="n4")
AGENT = ("python3", "agent.pyz", "connect")


def test_a_channel_is_a_step_of_the_allocation() -> None:
    login = FakeSession()
    login.script_channel(*step("7", AGENT), listener=lambda data: data)
    SeatSession(login, "hpc.1", lambda: RUNS, BY_SRUN).open_channel(AGENT)
    assert login.calls[-1].argv == tuple(step("7", AGENT))


def test_a_channel_by_ssh_goes_to_the_node() -> None:
    login = FakeSession()
    login.script_channel(*on_node("n4", AGENT), listener=lambda data: data)
    SeatSession(login, "hpc.1", lambda: RUNS, BY_SSH).open_channel(AGENT)
    assert login.calls[-1].argv == tuple(on_node("n4", AGENT))


@pytest.mark.parametrize(
    ("allocation", "said"),
    [
        (None, "hpc.1: it has no allocation"),
        (Allocation("hpc.1", "7", AllocationState.QUEUED, "Resources"), "its allocation 7 waits (Resources)"),
        (Allocation("hpc.1", "7", AllocationState.GONE, "timeout"), "its allocation 7 has ended (timeout)"),
    ],
)
def test_a_seat_that_has_nothing_says_why(allocation: Allocation | None, said: str) -> None:
    login = FakeSession()
    with pytest.raises(SessionLost) as told:
        SeatSession(login, "hpc.1", lambda: allocation, BY_SRUN).open_channel(AGENT)
    assert said in str(told.value)
    assert not login.calls


def test_everything_else_is_done_on_the_login_host() -> None:
    login = FakeSession()
    login.script("ls", behaviour=Reply(stdout=b"x"))
    with SeatSession(login, "hpc.1", lambda: None, BY_SRUN) as session:
        assert (session.host, session.run(["ls", "/data"]).stdout) == ("hpc.1", b"x")
    assert login.calls[0].argv == ("ls", "/data")
