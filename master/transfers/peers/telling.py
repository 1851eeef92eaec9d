"""Tells workers what to serve to each other and to take, and what the pieces of it hash to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from master.core.running import commands as cmd
from master.core.running.spread import peer_events as peer
from master.transfers.home import Home
from master.transfers.remote import Remote
from master.transfers.reporter import Reporter
from worker_agent.protocol.artefacts.peering import Chunks, Serve, Take

SERVE_S = 30.0
"""So long a source listens for the worker that is to take something from it, which is told at once."""
ChunksOf = Callable[[Path, str], Chunks | None]
"""Takes the directory of a base model and its content hash; None where no stream can carry that.

Raises OSError.
"""
_LINKS = "it holds what no stream can carry: links, folders without files, or very many files"


@dataclass(frozen=True)
class PeerTransfers:
    """Carries out Serve and Take.

    Hashing a large base model takes seconds, in which sources of others wait for their takers.
    """

    home: Home
    remotes: Mapping[str, Remote]
    reporter: Reporter
    chunks_of: ChunksOf
    _hashing: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "chunks"))
    _telling: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "peers"))
    _hashed: set[str] = field(default_factory=set)

    def tell(self, command: cmd.Serve | cmd.Take) -> None:
        """Tell a worker to serve or to take, as soon as it is known what it is to be checked against."""
        thread = self._telling if command.content_hash in self._hashed else self._hashing
        thread.submit(self._tell, command)

    def close(self) -> None:
        """Tell nobody anything more."""
        for thread in (self._hashing, self._telling):
            thread.shutdown(wait=True, cancel_futures=True)

    def _tell(self, command: cmd.Serve | cmd.Take) -> None:
        name = command.content_hash
        try:
            path = self.home.library.paths[name]
            chunks, problem = self.chunks_of(path, name), _LINKS
        except Exception as error:  # the core must hear of it, whatever it is; who sends it looks closer
            chunks, problem = None, f"it cannot be read here: {error or type(error).__name__}"
        if chunks is None:
            self.reporter.event(peer.Unfit, name, problem)
            return
        self._hashed.add(name)
        remote = self.remotes.get(command.worker)
        if remote is None:
            return  # it has left the run
        if isinstance(command, cmd.Serve):
            takers = list(command.takers)
            remote.link.send(Serve(name, command.transfer, takers, chunks, SERVE_S))
            self.reporter.event(peer.Asked, command.worker, name, command.transfer, chunks.total_bytes)
        else:
            where = (command.source, list(command.addresses), command.port)
            remote.link.send(Take(name, command.transfer, *where, chunks))
