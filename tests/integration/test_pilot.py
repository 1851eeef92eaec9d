"""The agent as the first process of a real allocation: what it gives to jobs, and how it leaves."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from master.adapters.agent_deploy import AgentBundle, build_agent
from master.adapters.allocators.allocator import AllocationState
from master.adapters.allocators.pilots import pilot_maker
from master.adapters.allocators.seat_session import SeatSession
from master.adapters.allocators.slurm.slurm_allocator import SlurmAllocator
from master.adapters.local_session import LocalSession
from master.adapters.session import Channel
from master.specs import BY_SRUN, PoolSpec, ServerSpec
from tests.support.agent_master import AgentMaster
from tests.support.slurm import LocalSlurm
from worker_agent.protocol import messages as msg
from worker_agent.protocol.events import Event
from worker_agent.protocol.layout import StateLayout, agent_path
from worker_agent.protocol.lines import PREAMBLE
from worker_agent.protocol.outcome import Finished, Outcome

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(120)]

SHOW = "import json, os; json.dump(dict(os.environ), open(os.environ['TWOPHASE_OUTPUT_DIR'] + '/env', 'w'))"
SAVES = """
import os, pathlib, signal, time
place = pathlib.Path(os.environ["TWOPHASE_CHECKPOINT_DIR"])
def save(*_):
    (place / "step").write_text("7")
    raise SystemExit(1)
signal.signal(signal.SIGINT, save)
signal.signal(signal.SIGTERM, save)
print("ready", flush=True)
pathlib.Path({flag!r}).touch()
while True: time.sleep(1)
"""


class SeatMaster(AgentMaster):
    """A master that talks to the agent of a seat through `srun`."""

    def __init__(self, channel: Channel, epoch: int) -> None:
        super().__init__(PREAMBLE)
        self.channel = channel
        settings: Any = {"cpu_slots": 2, "kill_grace_s": 5.0, "gpus": []}
        self.send(msg.Hello(msg.PROTOCOL, "r-hpc.1", epoch, settings))
        welcome = self.wait(lambda item: isinstance(item, (msg.Welcome, msg.Refused)))
        assert isinstance(welcome, msg.Welcome), welcome
        self.welcome = welcome

    def send_bytes(self, data: bytes) -> None:
        self.channel.send(data)

    def receive(self, timeout_s: float) -> bytes:
        return self.channel.receive()


class Seat:
    """The first seat of a pool on a real Slurm."""

    def __init__(
        self, slurm: LocalSlurm, state_dir: Path, bundle: AgentBundle, time_s: float = 600.0
    ) -> None:
        login = ServerSpec("localhost", "localhost", python=sys.executable, state_dir=str(state_dir))
        pool = PoolSpec("hpc", login, 1, time_s, options=("--exclusive",))
        maker = pilot_maker(pool, bundle, sys.executable, lambda seat: f"r-{seat.name}")
        self.slurm, self.bundle, self.state_dir = slurm, bundle, state_dir
        self.layout = StateLayout(state_dir, "hpc.1", "r-hpc.1", in_allocation=True)
        self.allocator = SlurmAllocator(pool, LocalSession, f"{os.getpid():08}", maker)
        self.session = SeatSession(
            LocalSession(), "hpc.1", lambda: self.allocator.look().get("hpc.1"), BY_SRUN
        )
        self._epoch = 0

    def begin(self) -> str:
        """Get an allocation that runs."""
        number = self.allocator.submit("hpc.1")
        until(lambda: self.allocator.look()["hpc.1"].state is AllocationState.RUNNING, self)
        return number

    def connect(self) -> SeatMaster:
        self._epoch += 1
        words = ("--state-dir", str(self.state_dir), "--run-id", "r-hpc.1", "--digest", self.bundle.digest)
        agent = agent_path(str(self.state_dir), self.bundle.digest[:16])
        place = ("--place", "hpc.1", "--no-start", "--wait", "20")
        channel = self.session.open_channel([sys.executable, "-I", agent, "connect", *words, *place])
        return SeatMaster(channel, self._epoch)

    def is_over(self) -> bool:
        return self.allocator.look()["hpc.1"].state is AllocationState.GONE

    def said(self) -> str:
        return self.layout.log.read_text() if self.layout.log.exists() else "nothing"


@pytest.fixture
def seat(slurm: LocalSlurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Seat]:
    monkeypatch.setenv("PATH", slurm.path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    made = Seat(slurm, tmp_path / "state", build_agent())
    yield made
    made.session.close()
    made.allocator.close()
    if slurm.jobs():
        slurm.command("scancel", *slurm.jobs())
    until(lambda: not slurm.jobs() and not slurm.steps(), made)
    assert not made.layout.slot_locks.exists() and not made.layout.socket.exists()


def until(is_so: Callable[[], bool], seat: Seat) -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline, seat.said()
        time.sleep(0.05)


def next_end(master: SeatMaster) -> tuple[str, Finished]:
    """Return the next attempt that ends, whichever it is, and acknowledge all that was told."""
    event = master.wait(lambda item: isinstance(item, Event) and isinstance(item.detail, Finished))
    master.send(msg.Ack(event.seq))
    return event.job_id, event.detail


def test_a_job_in_an_allocation_sees_nothing_of_slurm_and_gets_what_is_lent(seat: Seat) -> None:
    seat.begin()
    master = seat.connect()
    assert len(master.welcome.slots) == 2 and str(seat.state_dir) in master.welcome.work_dir
    master.launch("a", SHOW)
    assert master.finished("a").outcome is Outcome.SUCCEEDED
    (shown,) = Path(master.welcome.work_dir).rglob("output/env")
    env = json.loads(shown.read_text())
    assert not [name for name in env if name.startswith(("SLURM", "SRUN", "PMI"))]


def test_jobs_save_themselves_when_an_allocation_is_cancelled_and_the_next_one_of_the_seat_knows_it(
    seat: Seat, tmp_path: Path
) -> None:
    first = seat.begin()
    master = seat.connect()
    for job in "abc":
        master.launch(job, SAVES.format(flag=str(tmp_path / job)))
    until(lambda: (tmp_path / "a").exists() and (tmp_path / "b").exists(), seat)
    seat.allocator.cancel(first)
    ended = dict(next_end(master) for _ in "abc")
    assert {job: done.outcome for job, done in ended.items()} == dict.fromkeys("abc", Outcome.EVICTED)
    assert {job: done.can_go_on for job, done in ended.items()} == {"a": True, "b": True, "c": False}
    assert all("its allocation was ended" in str(done.error) for done in ended.values())
    until(seat.is_over, seat)

    second = seat.begin()
    assert second != first
    again = seat.connect()
    assert {(one.job_id, one.attempt) for one in again.welcome.attempts} == {("a", 1), ("b", 1), ("c", 1)}
    again.launch("a", "pass", attempt=2)
    assert again.finished("a", 2).outcome is Outcome.SUCCEEDED
    again.send(msg.Shutdown())


def test_an_allocation_that_ends_soon_begins_nothing_and_is_given_back(seat: Seat, tmp_path: Path) -> None:
    """Slurm's own warning, which comes by a signal to the batch step alone."""
    number = seat.begin()
    master = seat.connect()
    master.launch("a", SAVES.format(flag=str(tmp_path / "a")))
    until(lambda: (tmp_path / "a").exists(), seat)
    seat.slurm.command("scancel", "--signal=USR1", "--batch", number)
    assert master.finished("a").outcome is Outcome.EVICTED
    until(seat.is_over, seat)
    assert "completed" in seat.allocator.look()["hpc.1"].reason


def test_an_agent_that_was_killed_with_its_node_leaves_evicted_attempts(seat: Seat, tmp_path: Path) -> None:
    number = seat.begin()
    master = seat.connect()
    master.launch("a", SAVES.format(flag=str(tmp_path / "a")))
    until(lambda: (tmp_path / "a").exists(), seat)
    seat.slurm.command("scancel", "--signal=KILL", "--full", number)
    until(seat.is_over, seat)
    seat.begin()
    assert seat.connect().finished("a").outcome is Outcome.EVICTED
