"""All transfers of a worker: what is asked for, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from worker_agent.peers import network
from worker_agent.peers.base import PeerError, Taken
from worker_agent.peers.network import PeerNetwork
from worker_agent.protocol.artefacts.peering import Chunks, Peering, Serve, StreamedFile, Take

NAME = "a" * 64
CHUNKS = Chunks([StreamedFile("w", 3, executable=False)], ["0" * 64])
PEERING = Peering("authority", "certificate", "key")


class Threads:
    """Threads that a test runs, and what they tell."""

    def __init__(self) -> None:
        self.work: list[Callable[[], None]] = []
        self.told: list[object] = []

    def run(self) -> list[object]:
        for work in self.work:
            work()
        return self.told


class FakeServer:
    def __init__(self, offer: Any, known: Any, addresses: Any, seconds: float) -> None:
        self.offer, self.seconds, self.is_over, self.is_closed = offer, seconds, False, False
        self.has_listened = False
        MADE.append(self)

    @property
    def place(self) -> tuple[int, list[str]]:
        if self.has_listened:
            raise OSError(9, "Bad file descriptor")
        return 40_001, ["192.0.2.9"]

    def listen(self) -> None:
        """Nobody comes."""
        self.has_listened, self.is_over = True, self.is_closed

    def close(self) -> None:
        self.is_closed = True


class FakeTaking:
    def __init__(self, item: Take, *_: object) -> None:
        self.number, self.before, self.is_stopped = item.transfer, None, False
        self.known, self.pieces = -1, 10 + item.transfer
        MADE.append(self)

    def run(self, before: Any, known: int) -> str:
        self.before, self.known = before, known
        return "nowhere"

    def stop(self) -> None:
        self.is_stopped = True


MADE: list[Any] = []


@pytest.fixture
def threads() -> Threads:
    return Threads()


@pytest.fixture
def met(threads: Threads, monkeypatch: pytest.MonkeyPatch) -> PeerNetwork:
    MADE.clear()
    monkeypatch.setattr(network, "identity", lambda peering: object())
    monkeypatch.setattr(network, "Server", FakeServer)
    monkeypatch.setattr(network, "Taking", FakeTaking)
    made = PeerNetwork(threads.told.append, threads.work.append)
    made.meet(PEERING)
    return made


def serve(
    name: str = NAME, seconds: float = 30.0, takers: int = 1, chunks: Chunks = CHUNKS, first: int = 0
) -> Serve:
    return Serve(name, 1, [f"lab{first + number}" for number in range(takers)], chunks, seconds)


def take(
    transfer: int = 1, *, address: str = "192.0.2.7", port: int = 40_000, chunks: Chunks = CHUNKS
) -> Take:
    return Take(NAME, transfer, "lab0", [address], port, chunks)


def test_a_port_is_open_for_a_minute_at_most(met: PeerNetwork, threads: Threads) -> None:
    assert met.serve(serve(seconds=1e9), [Path("/x")]) == (40_001, ["192.0.2.9"])
    assert MADE[0].seconds == 60.0 and threads.work == [MADE[0].listen]


def test_who_listens_for_no_time_is_told_where_for_all_that(met: PeerNetwork) -> None:
    met._start = lambda listen: listen()
    assert met.serve(serve(seconds=0.0), []) == (40_001, ["192.0.2.9"])


def test_so_many_are_served_at_a_time_and_the_oldest_goes(met: PeerNetwork) -> None:
    for number in range(8):
        met.serve(serve(first=number), [])
    assert not any(made.is_closed for made in MADE)
    MADE[0].is_over = MADE[4].is_over = True
    for number in range(8, 11):
        met.serve(serve(first=number), [])
    assert [number for number, made in enumerate(MADE) if made.is_closed] == [1]
    with pytest.raises(PeerError, match="at most 16 workers"):
        met.serve(serve(takers=17), [])
    assert len(MADE) == 11


def test_who_stays_is_let_go_where_it_is_to_take_it_anew(met: PeerNetwork) -> None:
    for _ in range(20):
        met.serve(serve(), [])
    met.serve(serve(first=1), [])
    met.serve(serve("b" * 64), [])
    assert [made.is_closed for made in MADE] == [*19 * [True], False, False, False]


@pytest.mark.parametrize(
    "item",
    [serve("../x"), serve("A" * 64), serve(chunks=Chunks(CHUNKS.files, [])), take(chunks=Chunks([], ["x"]))],
)
def test_what_cannot_be_is_refused(met: PeerNetwork, item: Any) -> None:
    with pytest.raises(PeerError):
        met.serve(item, []) if isinstance(item, Serve) else met.take(item, Path("/x"))
    assert not MADE


@pytest.mark.parametrize("item", [take(address="127.0.0.1"), take(address="lab0"), take(port=22)])
def test_places_that_no_worker_has_are_not_asked(met: PeerNetwork, item: Take) -> None:
    with pytest.raises(PeerError, match="may be asked"):
        met.take(item, Path("/x"))
    assert not MADE


def test_where_nothing_can_listen_is_told(met: PeerNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(99, "Cannot assign requested address")

    monkeypatch.setattr(network, "Server", refuse)
    with pytest.raises(PeerError, match="nothing can listen here: Cannot assign"):
        met.serve(serve(), [])


def test_a_transfer_takes_the_place_of_another(met: PeerNetwork, threads: Threads) -> None:
    met.take(take(1), Path("/x"))
    met.take(take(2), Path("/x"))
    assert threads.run() == [Taken(NAME, 1, "nowhere"), Taken(NAME, 2, "nowhere")]
    first, second = MADE
    assert second.before is first and first.before is None
    assert (first.known, second.known) == (0, 11), "what was checked is not hashed again"
    met.leave(NAME)
    met.leave(NAME)
    assert second.is_stopped


def test_whatever_goes_wrong_is_told(
    met: PeerNetwork, threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise MemoryError("no room")

    monkeypatch.setattr(FakeTaking, "run", fail)
    met.take(take(3), Path("/x"))
    assert threads.run() == [Taken(NAME, 3, "it cannot be taken: no room")]


def test_where_no_thread_can_begin_is_told_and_nothing_stays(
    met: PeerNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(work: Callable[[], None]) -> None:
        raise RuntimeError("can't start new thread")

    begin = met._start
    monkeypatch.setattr(met, "_start", refuse)
    for ask in (lambda: met.serve(serve(), []), lambda: met.take(take(1), Path("/x"))):
        with pytest.raises(PeerError, match="cannot begin: can't start new thread"):
            ask()
    monkeypatch.setattr(met, "_start", begin)
    met.take(take(2), Path("/x"))
    server, _, taking = MADE
    assert server.is_over and met._takings == {NAME: taking} and not met._servers


def test_who_is_somebody_else_now_ends_all(met: PeerNetwork) -> None:
    met.serve(serve(), [])
    met.take(take(), Path("/x"))
    met.meet(PEERING)
    server, taking = MADE
    assert not server.is_closed and not taking.is_stopped
    met.meet(Peering("other", "certificate", "key"))
    assert server.is_closed and taking.is_stopped


def test_certificates_that_cannot_be_read_leave_nobody(
    met: PeerNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(peering: Peering) -> None:
        raise ValueError("no start line")

    monkeypatch.setattr(network, "identity", refuse)
    with pytest.raises(PeerError, match="cannot be read: no start line"):
        met.meet(Peering("", "", ""))
    for ask in (lambda: met.serve(serve(), []), lambda: met.take(take(), Path("/x"))):
        with pytest.raises(PeerError, match="who is who"):
            ask()
