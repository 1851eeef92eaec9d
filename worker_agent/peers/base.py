"""What the rest of the agent knows of transfers between workers; TLS is loaded where one is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Callable, List, Optional, Protocol, Sequence, Tuple

from worker_agent.protocol.artefacts.peering import Peering, Serve, Take


class PeerError(Exception):
    """What the master asks for cannot be done; the text says why."""


@dataclass(frozen=True)
class Taken:
    """A transfer has ended; `problem` says why the artefact is not here."""

    content_hash: str
    transfer: int
    problem: Optional[str]


Tell = Callable[[object], None]
"""Takes an answer for the loop; any thread may call it."""


class Network(Protocol):
    """Who this worker is to the others, what it serves and what it takes."""

    def meet(self, peering: Peering) -> None:
        """Be who the master says from now on: what was begun as somebody else ends.  Raises PeerError."""

    def serve(self, item: Serve, places: Sequence[Path]) -> Tuple[int, List[str]]:
        """Serve an artefact from where it lies, or is being written; return port and addresses.

        Raises PeerError.
        """

    def take(self, item: Take, incoming: Path) -> None:
        """Take an artefact, in the place of an earlier try to; `Taken` says what has come of it.

        Raises PeerError.
        """

    def leave(self, content_hash: str) -> None:
        """Take an artefact no more; what has come of it stays."""

    def close(self) -> None:
        """End all transfers."""
