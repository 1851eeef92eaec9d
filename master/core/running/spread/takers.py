"""Who takes an artefact from which peer now, and what is known of peers: plain data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class Taker:
    """A worker that is to have an artefact from a peer."""

    worker: str
    since: float
    """When it began to want it, or was last promised it."""
    source: str = ""
    """Who it is from; empty while that is to be found."""
    transfer: int = 0
    """Number of the transfer from that source …"""
    asked_at: float | None = None
    """… when the source was asked to serve it; None where it has not been yet …"""
    is_taking: bool = False
    """… and whether the taker has been told where to take it."""
    bytes: int = 0
    """How much of it is there and was checked, from whatever sources."""
    is_measured: bool = False
    """It has told how far it was when this transfer began."""
    rate: float = 0.0
    """Bytes per second, in the last reports; 0 before the first of this transfer."""
    lags: int = 0
    """In how many reports in a row it was much slower than it could be."""
    crawls: int = 0
    """In how many reports in a row its source sent next to nothing."""
    moved_at: float = 0.0
    """When `bytes` last grew …"""
    heard_at: float = 0.0
    """… and when it last told anything of the transfer."""
    refused: set[str] = field(default_factory=set)
    """Peers from which it could not take this."""

    def leave_source(self) -> None:
        """Let it have another source; what it has of the artefact it keeps."""
        self.source, self.transfer, self.rate, self.lags, self.crawls = "", 0, 0.0, 0, 0
        self.is_taking = self.is_measured = False
        self.asked_at = None


@dataclass(slots=True)
class Trial:
    """Two takers have one source for a moment, to see which of them is slow."""

    first: str
    second: str
    ends_at: float


@dataclass(slots=True)
class Spread:
    """An artefact on its way from worker to worker."""

    takers: dict[str, Taker] = field(default_factory=dict)
    """By worker, in the order in which they came."""
    size: int = 0
    """Bytes of the whole; 0 before that is known."""
    trial: Trial | None = None
    was_tried: bool = False
    """One trial is enough: each costs about a second."""


@dataclass(slots=True)
class Barred:
    """A peer that is not asked for a while."""

    until: float
    accuser: str
    """The taker that could not have something from it; empty where it said so itself."""
    count: int = 1


@dataclass(slots=True)
class Peers:
    """All that is known of peers; empty where the run has none."""

    spreads: dict[str, Spread] = field(default_factory=dict)
    """By content hash."""
    rates: dict[str, float] = field(default_factory=dict)
    """The bytes per second that a worker can take at least, as far as is known."""
    compared: set[str] = field(default_factory=set)
    """Workers whose rate was seen beside that of another with the same source."""
    slow: dict[str, float] = field(default_factory=dict)
    """Workers that feed nobody until then."""
    barred: dict[str, Barred] = field(default_factory=dict)
    unfit: set[str] = field(default_factory=set)
    """Content hashes of what cannot go from worker to worker."""
    told: set[str] = field(default_factory=set)
    """Peers of which the user has been told that they are not asked for a while."""
    last_transfer: int = 0
    next_look_at: float = 0.0

    def taking(self, content_hash: str, worker: str) -> Taker | None:
        """Return the taker of an artefact; None where a worker is none."""
        spread = self.spreads.get(content_hash)
        return spread.takers.get(worker) if spread else None

    def by_transfer(self, content_hash: str, transfer: int) -> Taker | None:
        """Return who a transfer is for; None where it is over, or was replaced."""
        spread = self.spreads.get(content_hash)
        takers = spread.takers.values() if spread and transfer else ()
        return next((taker for taker in takers if taker.transfer == transfer), None)

    def all_takers(self) -> Iterator[Taker]:
        """Yield the takers of all artefacts."""
        for spread in self.spreads.values():
            yield from spread.takers.values()

    def fed(self) -> Counter[str]:
        """Count how many takers each source has, of all artefacts together."""
        return Counter(taker.source for taker in self.all_takers() if taker.source)

    def drop(self, content_hash: str, worker: str) -> Taker | None:
        """Forget a taker, which has what it wanted, or is to have it otherwise; return what was known."""
        spread = self.spreads.get(content_hash)
        taker = spread.takers.pop(worker, None) if spread else None
        if spread is not None and not spread.takers:
            del self.spreads[content_hash]
        return taker

    def is_barred(self, worker: str, at: float) -> bool:
        """Return whether a peer is not asked now."""
        barred = self.barred.get(worker)
        return barred is not None and at < barred.until

    def is_last(self, worker: str, at: float) -> bool:
        """Return whether a worker stands at the end of a chain now, whoever comes."""
        return self.is_slow(worker, at) or self.is_barred(worker, at)

    def is_slow(self, worker: str, at: float) -> bool:
        """Return whether a worker feeds nobody now because it is slow, or says nothing."""
        return at < self.slow.get(worker, 0.0)
