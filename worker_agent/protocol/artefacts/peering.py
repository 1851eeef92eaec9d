"""How an artefact comes to a worker from another one, in a run that asks for it.

master                              agent
  peering (who is who)         →     (once after the welcome, to an agent that tells `WorkerFacts.peers`)
  serve (to these workers)     →     (the source listens, for this transfer alone)
                               ←    serving (where), or serve_failed
  take (from that worker)      →     (the taker connects, and checks each piece before it keeps it)
                               ←    received, about once a second (may be lost)
                               ←    `fetching.Fetched` or `FetchFailed`, with the number of the transfer

The source may still be taking the artefact itself: it sends what it has and has checked, and goes on as more
comes.  A second `take` of the same artefact goes on from what the first has brought.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, List, NamedTuple, Sequence

from worker_agent.protocol.codec import Bytes, Count, Seconds
from worker_agent.protocol.digests import FileDigest

CHUNK_BYTES = 4 << 20
"""So much is checked at a time, and nothing less is kept or passed on."""
MOST_SERVING_S = 60.0
"""Nobody listens longer for a worker that may take."""
MOST_ADDRESSES = 4


def certificate_name(worker: str) -> str:
    """Return the one name, a URI, that the certificate of a worker is for."""
    return f"twophase:{worker.encode('utf-8', 'surrogatepass').hex()}"


class StreamedFile(NamedTuple):
    """One file of a stream; in messages a list `[path, size, executable]`."""

    path: str
    """Relative, with `/`."""
    size: int
    executable: bool

    @classmethod
    def from_row(cls, row: Sequence[Any]) -> "StreamedFile":
        """Return the file of a row.  Raises ValueError for an unsafe path or a row of another shape."""
        path, size, executable = row
        if type(executable) is not bool:
            raise ValueError(f"not a file of a stream: {row!r:.200}")
        checked = FileDigest.from_row((path, size, ""))
        return cls(checked.path, checked.size, executable)


@dataclass(frozen=True)
class Chunks:
    """What the master knows of an artefact: its files, one after the other, and what they hash to."""

    files: List[StreamedFile]
    """In the order of the stream."""
    digests: List[str]
    """The sha256 of each `CHUNK_BYTES` of the stream, in hex; the last chunk may be shorter."""

    @property
    def total_bytes(self) -> int:
        """How long the stream is."""
        return sum(item.size for item in self.files)


@dataclass(frozen=True)
class Peering:
    """Who this worker is to the others of the run, and who vouches for them: three PEM texts.

    As secret as `Secrets`: in no file and no log.
    """

    type: ClassVar[str] = "peering"
    authority: str = field(repr=False)
    certificate: str = field(repr=False)
    key: str = field(repr=False)


@dataclass(frozen=True)
class Serve:
    """Let workers take an artefact that is here, or on its way here: listen on a port for them alone."""

    type: ClassVar[str] = "serve"
    content_hash: str
    transfer: Count
    takers: List[str]
    """Workers, by the names in their certificates."""
    chunks: Chunks
    seconds: Seconds
    """How long to listen for them; at most `MOST_SERVING_S`."""


@dataclass(frozen=True)
class Serving:
    """Where the workers find it that were named."""

    type: ClassVar[str] = "serving"
    content_hash: str
    transfer: Count
    port: Count
    addresses: List[str]


@dataclass(frozen=True)
class ServeFailed:
    """What was to be served is not, or is no more."""

    type: ClassVar[str] = "serve_failed"
    content_hash: str
    transfer: Count
    problem: str


@dataclass(frozen=True)
class Take:
    """Have an artefact from another worker, and say so; what is here of it already is kept."""

    type: ClassVar[str] = "take"
    content_hash: str
    transfer: Count
    source: str
    """A worker, by the name in its certificate."""
    addresses: List[str]
    port: Count
    chunks: Chunks


@dataclass(frozen=True)
class Received:
    """How far a transfer has come: said about once a second until its end is told; may be lost."""

    type: ClassVar[str] = "received"
    content_hash: str
    transfer: Count
    bytes: Bytes
    """From the beginning of the stream: what is here and was checked, and what has come of the next piece."""
    seconds: Seconds
    """Since the transfer began."""
