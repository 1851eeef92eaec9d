"""Two workers and what goes between them: an artefact, certificates, and sources that do what a test says."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from master.adapters.peers.chunking import chunks_of
from master.adapters.peers.run_ca import RunAuthority
from worker_agent.peers.copies import Copy, Incoming, first_of
from worker_agent.peers.identity import Identity, identity
from worker_agent.peers.serving import Offer, Server
from worker_agent.peers.stream import Stream
from worker_agent.peers.taking import Taking, Tell
from worker_agent.peers.wire import Wire, WireError
from worker_agent.protocol.artefacts.peering import Chunks, Received, Take

HERE = "127.0.0.1"
SOURCE, TAKER = "lab0", "lab1"
NAME = "a" * 64
PIECES, PIECE_BYTES = 5, 512 << 10
"""Pieces are smaller in tests: see `World`."""
Script = Callable[[Wire, Stream, int], None]
"""What a source does after it was asked, from a piece on."""


def fill(folder: Path, total: int = (PIECES - 1) * PIECE_BYTES + 7, seed: int = 0) -> Path:
    """Make an artefact of three files, one of them empty, whose ends are not those of pieces."""
    rng = random.Random(seed)
    (folder / "sub").mkdir(parents=True)
    first = total // 3
    (folder / "a.pt").write_bytes(rng.randbytes(first))
    (folder / "empty").write_bytes(b"")
    (folder / "sub" / "b.pt").write_bytes(rng.randbytes(total - first))
    (folder / "sub" / "b.pt").chmod(0o700)
    return folder


def made_by(authority: RunAuthority, worker: str) -> Identity:
    """Return who a worker is, by an authority."""
    return identity(authority.peering(worker))


@dataclass
class World:
    """A source, a taker, and the directory of each.  `CHUNK_BYTES` must be `PIECE_BYTES`."""

    home: Path
    authority: RunAuthority
    reports: list[Received] = field(default_factory=list)
    takings: list[Taking] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.source = fill(self.home / "source")
        chunks = chunks_of(self.source)
        assert chunks is not None
        self.chunks: Chunks = chunks
        self.stream = Stream(chunks)
        self.target = self.home / "target"

    @contextlib.contextmanager
    def serving(self, *takers: str, seconds: float = 20.0, root: Path | None = None) -> Iterator[Server]:
        """Serve as an honest source does."""
        copies = [Copy(root or self.source, self.stream)]
        offer = Offer(NAME, takers or (TAKER,), self.stream, lambda number: first_of(copies, number))
        server = Server(offer, made_by(self.authority, SOURCE), [HERE], seconds)
        thread = threading.Thread(target=server.listen)
        thread.start()
        try:
            yield server
        finally:
            server.close()
            thread.join()

    def taking(
        self,
        port: int,
        me: str = TAKER,
        *,
        by: RunAuthority | None = None,
        target: Path | None = None,
        tell: Tell | None = None,
    ) -> Taking:
        """Return a try to take from whoever listens at a port, as which worker, by which authority."""
        item = Take(NAME, 1, SOURCE, [HERE], port, self.chunks)
        incoming, own = Incoming(target or self.target, self.stream), made_by(by or self.authority, me)
        made = Taking(item, self.stream, incoming, own, tell or self.reports.append)
        self.takings.append(made)
        return made

    @contextlib.contextmanager
    def hostile(
        self, script: Script, *, worker: str = SOURCE, by: RunAuthority | None = None
    ) -> Iterator[int]:
        """Serve as `script` says, with a certificate of the run or of another; yield the port."""
        context = made_by(by or self.authority, worker).serving

        def talk(connection: socket.socket) -> None:
            with (
                contextlib.suppress(WireError),
                contextlib.closing(Wire(connection, context, serving=True)) as wire,
            ):
                wire.greet(5.0)
                _, offset = wire.asked(5.0)
                script(wire, self.stream, self.stream.piece_at(offset))

        with listening(talk) as port:
            yield port

    def piece(self, number: int) -> bytes:
        """Return a piece as it should be."""
        data = Copy(self.source, self.stream).read(number)
        assert data is not None
        return data

    def is_whole(self, target: Path | None = None) -> bool:
        """Tell whether what was taken is all of it, and nothing else."""
        return content(target or self.target) == content(self.source)


def port_of(server: Server) -> int:
    """Return where a source listens."""
    return server.place[0]


def await_that(is_so: Callable[[], bool]) -> None:
    """Look again and again until something is so."""
    for _ in range(1000):
        if is_so():
            return
        time.sleep(0.01)
    raise AssertionError("it does not come to that")


def content(folder: Path) -> dict[str, tuple[bytes, bool]]:
    """Return what files hold, and whether they are programs."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): (path.read_bytes(), bool(path.stat().st_mode & 0o100))
        for path in files
    }


@contextlib.contextmanager
def listening(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """Let `talk` have the first that connects; yield the port."""
    with socket.create_server((HERE, 0)) as listener:
        listener.settimeout(20.0)

        def serve() -> None:
            with contextlib.suppress(OSError):
                connection, _ = listener.accept()
                with connection:
                    talk(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            with contextlib.suppress(OSError), socket.create_connection(listener.getsockname(), 0.2):
                pass  # nobody has come
            thread.join()
