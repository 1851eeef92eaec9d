"""From whom each worker takes an artefact: a chain of peers, each of which passes on what it has checked.

A chain takes hardly longer than one transfer, however many workers are in it, where each feeds one; who is
slow stands at the end, for nothing is faster than what is before it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from statistics import median

from master.core.running.fleet.worker_view import WorkerView
from master.core.running.records import RunState
from master.core.running.spread.takers import Peers, Spread, Taker

CATCH_UP_S = 5.0
"""Who can do with one source of its own waits for so long until that has what it has itself."""
MOST_FED = 2
"""A peer feeds at most so many at a time: they share its link."""


def in_line(state: RunState, spread: Spread, at: float) -> list[Taker]:
    """Return the takers that have no source, in the order in which they are to get one."""
    peers = state.peers
    waiting = [taker for taker in spread.takers.values() if not taker.source]
    usual = usual_rate(peers, spread.takers)

    def standing(taker: Taker) -> tuple[bool, float, int]:
        last = peers.is_last(taker.worker, at)
        known = peers.rates.get(taker.worker, usual)
        return last or known < usual / 2, -known, state.workers[taker.worker].number

    return sorted(waiting, key=standing)


def usual_rate(peers: Peers, workers: Collection[str], without: str = "") -> float:
    """Return the median of what is known of these workers' rates; 0 where nothing is."""
    known = [peers.rates[name] for name in workers if name != without and name in peers.rates]
    return median(known) if known else 0.0


def source_for(state: RunState, content_hash: str, taker: Taker, at: float) -> str:
    """Return the best peer for a taker; empty where there is none now.

    One that feeds nobody comes first, then one that has all of it, then one that has most of it.
    """
    peers, spread = state.peers, state.peers.spreads[content_hash]
    fed = peers.fed()
    offers: list[tuple[int, bool, int, int, str]] = []
    for view, has in _holders(state, content_hash, spread):
        name = view.name
        if fed[name] < MOST_FED and name not in taker.refused and _may_serve(peers, view, taker, at):
            behind = has is not None and has + catch_up_bytes(peers, taker) < taker.bytes
            offers.append((fed[name] + behind, has is not None, -(has or 0), view.number, name))
    for offer in sorted(offers):
        if not _is_below(spread, offer[-1], taker.worker):
            return offer[-1]
    return ""


def _holders(state: RunState, content_hash: str, spread: Spread) -> Iterator[tuple[WorkerView, int | None]]:
    """Yield who has an artefact, or is taking it, with how much of it: None is all."""
    for view in state.workers.values():
        if content_hash in view.cached:
            yield view, None
        elif (taker := spread.takers.get(view.name)) and taker.source:
            yield view, taker.bytes


def _may_serve(peers: Peers, view: WorkerView, taker: Taker, at: float) -> bool:
    able = view.is_peer and view.available and not peers.is_barred(view.name, at)
    return able and (not peers.is_slow(view.name, at) or peers.is_slow(taker.worker, at))


def catch_up_bytes(peers: Peers, taker: Taker) -> float:
    """Return how much less than a taker a source may have for it to wait until that has more."""
    return CATCH_UP_S * peers.rates.get(taker.worker, 0.0)


def chain_end(peers: Peers, spread: Spread, taker: Taker, at: float) -> Taker:
    """Return the last one below a taker that may feed others."""
    below = {other.source: other for other in spread.takers.values() if not peers.is_last(other.worker, at)}
    for _ in spread.takers:
        taker = below.get(taker.worker, taker)
    return taker


def _is_below(spread: Spread, source: str, worker: str) -> bool:
    """Return whether a source has what it has from a worker, or from nobody who has it all."""
    seen = Counter[str]()
    while taker := spread.takers.get(source):
        seen[source] += 1
        if source == worker or not taker.source or seen[source] > 1:
            return True
        source = taker.source
    return source == worker


def from_the_top(spread: Spread) -> list[Taker]:
    """Return the takers that have a source, each after its source."""
    below: dict[str, list[Taker]] = {}
    for taker in spread.takers.values():
        if taker.source:
            below.setdefault(taker.source, []).append(taker)
    tops = [source for source in below if source not in spread.takers or not spread.takers[source].source]
    found: list[Taker] = []
    while tops:
        fed = below.pop(tops.pop(), [])
        found += fed
        tops += [taker.worker for taker in fed]
    return found
