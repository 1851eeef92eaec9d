"""All transfers between this worker and others."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence, Tuple, Union

from worker_agent.core.launch_check import is_content_hash
from worker_agent.peers.addresses import may_be_asked, own_addresses
from worker_agent.peers.base import PeerError, Taken, Tell
from worker_agent.peers.copies import Copy, Incoming, first_of
from worker_agent.peers.identity import Identity, identity
from worker_agent.peers.serving import Offer, Server
from worker_agent.peers.stream import Stream
from worker_agent.peers.taking import Taking
from worker_agent.protocol.artefacts.peering import MOST_SERVING_S, Peering, Serve, Take

_MOST_SERVED = 8
"""Transfers at a time …"""
_MOST_TAKERS = 16
"""… and workers in each."""
_NOT_MET = "what the master said of who is who cannot be read here"


Work = Callable[[], None]


def start_thread(work: Work) -> None:
    """Run work that takes as long as a transfer."""
    threading.Thread(target=work, name="transfer", daemon=True).start()


class PeerNetwork:
    """Who this worker is to the others, what it serves and what it takes.  For the loop alone."""

    def __init__(self, tell: Tell, start: Callable[[Work], None] = start_thread) -> None:
        self._tell, self._start = tell, start
        self._told: Optional[Peering] = None
        self._identity: Optional[Identity] = None
        self._servers: Dict[Tuple[str, ...], Server] = {}
        """By artefact and workers that may take it, the oldest first."""
        self._takings: Dict[str, Taking] = {}
        self._checked: Dict[str, int] = {}
        """How many pieces of artefacts that did not come whole lie where they were written, checked."""

    def meet(self, peering: Peering) -> None:
        """Be who the master says from now on: what was begun as somebody else ends.  Raises PeerError."""
        if peering == self._told:
            return
        self.close()
        self._told, self._identity = peering, None
        try:
            self._identity = identity(peering)
        except (OSError, ValueError) as error:
            raise PeerError(f"certificates that cannot be read: {error}") from error

    def serve(self, item: Serve, places: Sequence[Path]) -> Tuple[int, List[str]]:
        """Serve an artefact from where it lies, or is being written; return port and addresses.

        Nobody keeps others out by staying: whoever is served it already is not any more, nor is the oldest
        of too many.  Raises PeerError.
        """
        known, stream = self._known(), _stream(item)
        if len(item.takers) > _MOST_TAKERS:
            raise PeerError(f"it serves at most {_MOST_TAKERS} workers at a time")
        key = (item.content_hash, *item.takers)
        self._make_room_for(key)
        copies = [Copy(place, stream) for place in places]
        offer = Offer(item.content_hash, item.takers, stream, lambda number: first_of(copies, number))
        try:
            server = Server(offer, known, own_addresses(), min(item.seconds, MOST_SERVING_S))
        except OSError as error:
            raise PeerError(f"nothing can listen here: {error.strerror or error}") from error
        place = server.place  # listening may be over at once
        try:
            self._begin(server.listen)
        except PeerError:
            server.close()
            server.listen()  # closes the port
            raise
        self._servers[key] = server
        return place

    def _make_room_for(self, key: Tuple[str, ...]) -> None:
        self._servers = {name: server for name, server in self._servers.items() if not server.is_over}
        if key in self._servers:
            self._servers.pop(key).close()
        elif len(self._servers) >= _MOST_SERVED:
            self._servers.pop(next(iter(self._servers))).close()

    def take(self, item: Take, incoming: Path) -> None:
        """Take an artefact, in the place of an earlier try to; `Taken` says what has come of it.

        Raises PeerError.
        """
        known, stream = self._known(), _stream(item)
        if not all(may_be_asked(address, item.port) for address in item.addresses):
            raise PeerError(f"{item.source} is at no address that may be asked, or at no such port")
        before = self._takings.get(item.content_hash)
        taking = Taking(item, stream, Incoming(incoming, stream), known, self._tell)
        self._takings[item.content_hash] = taking

        def work() -> None:
            try:
                problem = taking.run(before, self._checked.pop(item.content_hash, 0))
                self._checked[item.content_hash] = taking.pieces if problem else 0
            except Exception as error:  # the loop must hear of it, whatever it is
                problem = f"it cannot be taken: {error}"
            self._tell(Taken(item.content_hash, item.transfer, problem))

        try:
            self._begin(work)
        except PeerError:
            del self._takings[item.content_hash]
            raise

    def _begin(self, work: Work) -> None:
        try:
            self._start(work)
        except RuntimeError as error:  # there may be no more processes
            raise PeerError(f"it cannot begin: {error}") from error

    def leave(self, content_hash: str) -> None:
        """Take an artefact no more; what has come of it stays."""
        taking = self._takings.pop(content_hash, None)
        if taking:
            taking.stop()

    def close(self) -> None:
        """End all transfers."""
        for name in list(self._takings):
            self.leave(name)
        for server in self._servers.values():
            server.close()
        self._servers.clear()

    def _known(self) -> Identity:
        if self._identity is None:
            raise PeerError(_NOT_MET)
        return self._identity


def _stream(item: Union[Serve, Take]) -> Stream:
    if not is_content_hash(item.content_hash):
        raise PeerError("not a content hash: 64 hex digits")
    try:
        return Stream(item.chunks)
    except ValueError as error:
        raise PeerError(str(error)) from error
