"""What happens between workers that take artefacts from each other; `running.events` has all else."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Asked:
    """A worker has been told to serve an artefact: from now on it can answer."""

    at: float
    worker: str
    content_hash: str
    transfer: int
    size: int = 0
    """Bytes of the whole; 0 is not known."""


@dataclass(frozen=True)
class Unfit:
    """An artefact cannot go from worker to worker."""

    at: float
    content_hash: str
    problem: str


@dataclass(frozen=True)
class Serving:
    """A worker waits for the one that is to take an artefact from it."""

    at: float
    worker: str
    content_hash: str
    transfer: int
    addresses: tuple[str, ...]
    port: int


@dataclass(frozen=True)
class ServeFailed:
    """A worker does not serve an artefact that it was to."""

    at: float
    worker: str
    content_hash: str
    transfer: int
    problem: str


@dataclass(frozen=True)
class Received:
    """How much a worker has of what it takes from a peer."""

    at: float
    worker: str
    content_hash: str
    transfer: int
    bytes: int


PeerEvent = Asked | Unfit | Serving | ServeFailed | Received
