"""Every machine is looked at over a connection of its own, which is made anew where it breaks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from master.adapters.session import Session
from master.runs.usage import machines as module
from master.runs.usage.machines import Looked, MachineWatch
from master.specs import ClusterSpec, ServerSpec
from tests.support.fake_session import FakeSession
from worker_agent.protocol.looks.machine import MachineNow

SOON_S = 20.0
LAB1 = b'motd\n{"machine": {"hostname": "h", "cores": 2, "load": 0.5}}\n'


class World:
    """Machines that say what a test has them say."""

    def __init__(self, **says: bytes) -> None:
        self.says, self.sessions = says, list[FakeSession]()
        self.cluster = ClusterSpec(tuple(ServerSpec(name, name) for name in says))

    def connect(self, server: ServerSpec, cluster: ClusterSpec, in_terminal: bool) -> Session:
        session = FakeSession(server.name)
        session.script_channel(
            "python3", "-I", "-c", listener=lambda data: self.says[server.name] if data else b""
        )
        self.sessions.append(session)
        return session


@contextmanager
def watching(world: World) -> Iterator[MachineWatch]:
    watch = MachineWatch(world.cluster, 3.0, world.connect)
    try:
        yield watch
    finally:
        watch.close()


def test_what_a_machine_tells_is_seen() -> None:
    world = World(lab1=LAB1)
    with watching(world) as watch:
        assert watch.seen.get(timeout=SOON_S) == Looked("lab1", MachineNow("h", 2, 0.5))
    (call, *_) = (call for call in world.sessions[0].calls if call.verb == "open_channel")
    assert call.argv[4:] == (
        *("usage", "--gpus", "", "--gpu-reserve", "1000000000"),
        *("--every", "3", "--folder", "~/.twophase"),
    )


DEEP = b'{"machine": ' + b"[" * 9999 + b"\n"


@pytest.mark.parametrize("said", [b'{"machine": {"hostname": "h"}}\n', b'{"machine": nonsense\n', DEEP])
def test_what_cannot_be_is_told_of_its_worker(said: bytes) -> None:
    with watching(World(lab1=said)) as watch:
        looked = watch.seen.get(timeout=SOON_S)
    assert looked.machine is None and "what it tells of itself cannot be" in looked.problem


def test_a_lost_connection_is_told_and_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AGAIN_S", 0.0)
    world = World(lab1=LAB1)
    with watching(world) as watch:
        assert watch.seen.get(timeout=SOON_S).machine
        world.sessions[0].drop_link()
        assert watch.seen.get(timeout=SOON_S).problem == "the link broke"
        assert watch.seen.get(timeout=SOON_S).machine
