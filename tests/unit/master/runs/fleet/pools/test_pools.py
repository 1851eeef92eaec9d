from __future__ import annotations

from collections.abc import Sequence
from queue import SimpleQueue
from typing import Any

import pytest

from master.adapters.allocators.seat_session import SeatSession
from master.adapters.inbox import Inbox
from master.core.running import commands as cmd
from master.errors import SessionLost, UsageError
from master.runs.fleet.pools.keeper import LOOK_S
from master.runs.fleet.pools.pools import Pools
from master.specs import ClusterSpec, PoolSpec, ServerSpec
from tests.support.fake_allocator import FakeAllocator, FakeEngine
from tests.support.fake_session import FakeSession

LOGIN = ServerSpec("login1", "login1")
HPC, OTHER = PoolSpec("hpc", LOGIN, 2, 3600.0), PoolSpec("other", LOGIN, 1, 3600.0)
LAB = ServerSpec("lab1", "lab1")


class Closable(FakeAllocator):
    """An allocator with a session."""

    def close(self) -> None:
        """There is none."""


def pools_of(servers: Sequence[ServerSpec]) -> tuple[Pools, dict[str, FakeEngine]]:
    engines: dict[str, FakeEngine] = {}
    inbox: Inbox = SimpleQueue()

    def make(pool: PoolSpec, cluster: ClusterSpec) -> Closable:
        engines[pool.name] = FakeEngine()
        return Closable(engines[pool.name], "run")

    pools = Pools()
    pools.take([(server, ClusterSpec(tuple(servers))) for server in servers], inbox, make)
    return pools, engines


def test_each_pool_has_one_keeper_and_a_login_host_is_asked_no_more_often_for_two() -> None:
    pools, engines = pools_of([LAB, *HPC.all_seats, *OTHER.all_seats])
    assert sorted(engines) == ["hpc", "other"]
    assert [keeper._every_s for keeper in pools._keepers.values()] == [2 * LOOK_S] * 2
    alone, _ = pools_of(HPC.all_seats)
    assert [keeper._every_s for keeper in alone._keepers.values()] == [LOOK_S]


def test_commands_go_to_the_keeper_of_their_seat_and_the_end_gives_all_back() -> None:
    pools, engines = pools_of([*HPC.all_seats, *OTHER.all_seats])
    pools.carry_out(cmd.SubmitSeat("hpc.2"))
    pools.carry_out(cmd.SubmitSeat("other.1"))
    pools.carry_out(cmd.CancelSeat("other.1", ""))
    pools.start()
    assert pools.close(gives_back=True) == []
    assert engines["hpc"].submissions == ["hpc.2"] and engines["other"].submissions == ["other.1"]
    left = [job.state.value for engine in engines.values() for _, job in engine.jobs.values()]
    assert left == ["gone", "gone"]


def test_seats_are_reached_by_way_of_their_login_host_and_others_as_before() -> None:
    pools, _ = pools_of(HPC.all_seats)
    opened: list[tuple[str, bool]] = []

    def connect(server: ServerSpec, cluster: ClusterSpec, in_terminal: bool) -> Any:
        opened.append((server.name, in_terminal))
        return FakeSession()

    opening, cluster = pools.opening(connect), ClusterSpec(())
    assert not isinstance(opening(LAB, cluster, True), SeatSession)
    seat = opening(HPC.seat(1), cluster, True)
    assert isinstance(seat, SeatSession) and seat.host == "hpc.1"
    assert opened == [("lab1", True), ("login1", False)]
    with pytest.raises(SessionLost, match="has no allocation"):
        seat.open_channel(["agent"])


def test_without_pools_nothing_is_begun() -> None:
    pools, engines = pools_of([LAB])
    pools.start()
    assert engines == {} and pools._keepers == {} and pools.close(gives_back=True) == []


def test_how_often_it_looks_may_stand_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWOPHASE_QUEUE_LOOK_S", "0.5")
    assert Pools()._every_s == 0.5
    monkeypatch.delenv("TWOPHASE_QUEUE_LOOK_S")
    assert Pools()._every_s == 30.0


@pytest.mark.parametrize("text", ["often", "0", "-1", "nan", "1e9"])
def test_what_is_no_time_there_is_told(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("TWOPHASE_QUEUE_LOOK_S", text)
    with pytest.raises(UsageError, match="TWOPHASE_QUEUE_LOOK_S is"):
        Pools()
