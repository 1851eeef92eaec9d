"""Who holds up a chain of peers: who is slow goes to its end, and who has nothing more to give is left.

Reports come about once a second, also where nothing has come: who is silent is to blame itself, who reports
that nothing comes has a source that is to blame.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from master.core.running.spread.chain import MOST_FED, catch_up_bytes, chain_end, from_the_top, usual_rate
from master.core.running.spread.takers import Peers, Spread, Taker, Trial
from worker_agent.protocol.artefacts.peering import CHUNK_BYTES

STALLED_S = 3.0
"""Nothing has come for so long."""
SILENT_S = 2.5
"""After so long without a report a taker is not there."""
ANSWER_S = 4.0
"""So long a source may take until it serves."""
HASH_S = 300.0
"""So long it may take until what has come whole has been hashed whole."""
SLOW_S = 600.0
"""So long a slow worker stays at the end."""
TRIAL_S = 2.0
_STARVED_BYTES = 3 * CHUNK_BYTES
"""Who lacks no more than that of what its source has waits for its source."""
_SLOW = 0.5
"""Of the rate of others."""
_MOST_LAGS = 3
"""Reports in a row: one alone may be older than what it is compared with."""
_CRAWL, _CRAWL_S, _MOST_CRAWLS = 1 << 20, 600.0, 5
"""Who sends fewer bytes a second, in so many reports in a row, and has more to send than so many seconds'."""
_FASTER = 1.5
"""So much faster one is than another with the same source where that one is slow and leaves it the rest."""


@dataclass(slots=True)
class Verdict:
    """What is to change in a spread."""

    slow: list[str] = field(default_factory=list)
    """Takers that are to go to the end: they are slow, or not there."""
    bad: list[tuple[str, str, str]] = field(default_factory=list)
    """Sources that give nothing, who says so, and what is wrong."""
    moved: list[tuple[str, str]] = field(default_factory=list)
    """Takers that are to have another source, and which: nobody is to blame."""


def note(peers: Peers, spread: Spread, taker: Taker, received: int, at: float) -> None:
    """Take in how far a transfer has come."""
    began, is_first = taker.heard_at, not taker.is_measured
    taker.heard_at, taker.is_measured = at, True
    if is_first:  # it tells what was there before, or is left of that
        taker.bytes, taker.moved_at = received, at
        return
    if received <= taker.bytes:
        return
    if at > began:
        rate = (received - taker.bytes) / (at - began)
        taker.rate = (taker.rate + rate) / 2 if taker.rate else rate
    taker.bytes, taker.moved_at = received, at
    if is_starved(spread, taker):
        peers.rates[taker.worker] = max(taker.rate, peers.rates.get(taker.worker, 0.0))
    elif taker.rate:
        peers.rates[taker.worker] = taker.rate
    taker.lags = taker.lags + 1 if _lags(peers, spread, taker) else 0
    taker.crawls = taker.crawls + 1 if _crawls(spread, taker) else 0


def is_starved(spread: Spread, taker: Taker) -> bool:
    """Return whether a taker has all that its source can give now."""
    source = spread.takers.get(taker.source)
    return source is not None and source.bytes - taker.bytes <= _STARVED_BYTES


def judge(peers: Peers, spread: Spread, at: float) -> Verdict:
    """Find what holds up a spread; one thing at a time, for what follows from it looks alike."""
    verdict = Verdict()
    for taker in from_the_top(spread):
        if not taker.is_taking:
            if taker.asked_at is not None and at - taker.asked_at > ANSWER_S:
                verdict.bad.append((taker.source, "", "it does not serve what it has"))
        elif 0 < spread.size <= taker.bytes and at - taker.moved_at <= HASH_S:
            continue  # it has all of it, and hashes that
        elif at - taker.moved_at > STALLED_S:
            _judge_stalled(spread, taker, at, verdict)
        elif taker.crawls >= _MOST_CRAWLS:
            verdict.bad.append((taker.source, taker.worker, "less than 1 MiB a second comes from it"))
        elif _is_slow(peers, spread, taker, at):
            verdict.slow.append(taker.worker)
        if verdict.bad or verdict.slow:
            return verdict
    _try_two(peers, spread, at, verdict)
    return verdict


def _judge_stalled(spread: Spread, taker: Taker, at: float, verdict: Verdict) -> None:
    source = spread.takers.get(taker.source)
    if at - taker.heard_at > SILENT_S:
        verdict.slow.append(taker.worker)
    elif source is None or source.bytes > taker.bytes:
        verdict.bad.append((taker.source, taker.worker, f"nothing has come from it for {STALLED_S:g} s"))


def _crawls(spread: Spread, taker: Taker) -> bool:
    """Return whether a source sends so little that whoever takes from it is better sent all of it."""
    long = spread.size - taker.bytes > _CRAWL_S * taker.rate
    return 0 < taker.rate < _CRAWL and long and not is_starved(spread, taker)


def _lags(peers: Peers, spread: Spread, taker: Taker) -> bool:
    """Return whether a taker is slower than half of what others are, though its source has more to give."""
    if not taker.rate or is_starved(spread, taker):
        return False
    source = spread.takers.get(taker.source)
    others = source.rate if source else usual_rate(peers, spread.takers, without=taker.worker)
    if taker.rate >= _SLOW * others:
        return False
    beside = sum(other.source == taker.source for other in spread.takers.values())
    return taker.rate * beside < _SLOW * others


def _is_slow(peers: Peers, spread: Spread, taker: Taker, at: float) -> bool:
    """Return whether a taker makes others wait, or halves what they get, though they could have more."""
    new = taker.lags >= _MOST_LAGS and not peers.is_slow(taker.worker, at)
    return new and _is_in_the_way(spread, taker)


def _is_in_the_way(spread: Spread, taker: Taker) -> bool:
    """Return whether others are fed by a taker, or by its source too."""
    rest = (other for other in spread.takers.values() if other is not taker)
    return any(other.source in (taker.worker, taker.source) for other in rest)


def _try_two(peers: Peers, spread: Spread, at: float, verdict: Verdict) -> None:
    """See whether the first of a chain is slow, where nothing is known to compare it with.

    What it feeds gets the same source for a moment: a slow link leaves room beside it, a full one does not.
    """
    if spread.trial is not None:
        _end_trial(peers, spread, spread.trial, at, verdict)
    elif not spread.was_tried and (pair := _to_compare(peers, spread)):
        first, second = pair
        spread.was_tried, spread.trial = True, Trial(first.worker, second.worker, at + TRIAL_S)
        verdict.moved.append((second.worker, first.source))
    elif forked := _forked(peers, spread, at):
        verdict.moved.append(forked)


def _forked(peers: Peers, spread: Spread, at: float) -> tuple[str, str] | None:
    """Return one of two takers that share a source, and the end of the other's chain."""
    fed: dict[str, Taker] = {}
    for taker in from_the_top(spread):
        other = fed.setdefault(taker.source, taker)
        if other is not taker and taker.is_measured and other.is_measured:
            stays, goes = sorted((taker, other), key=lambda one: (peers.is_last(one.worker, at), -one.bytes))
            end = chain_end(peers, spread, stays, at)
            if sum(one.source == end.worker for one in spread.takers.values()) >= MOST_FED:
                continue
            if end.worker not in goes.refused and end.bytes + catch_up_bytes(peers, goes) >= goes.bytes:
                return goes.worker, end.worker
    return None


def _to_compare(peers: Peers, spread: Spread) -> tuple[Taker, Taker] | None:
    """Return a taker that is fed by who has it all, and one that it feeds; None where both are known."""
    takers = spread.takers
    if len(takers) <= MOST_FED:
        return None
    for second in takers.values():
        first = takers.get(second.source)
        if first and first.source and first.source not in takers and first.rate and second.rate:
            alone = sum(other.source == first.source for other in takers.values()) < MOST_FED
            if alone and not {first.worker, second.worker} <= peers.compared:
                return first, second
    return None


def _end_trial(peers: Peers, spread: Spread, trial: Trial, at: float, verdict: Verdict) -> None:
    """Let the faster one go before the slower one."""
    first, second = spread.takers.get(trial.first), spread.takers.get(trial.second)
    if first is None or second is None or first.source != second.source:
        spread.trial = None
    elif at >= trial.ends_at and second.moved_at >= trial.ends_at - TRIAL_S / 2:
        spread.trial = None
        peers.compared |= {first.worker, second.worker}
        if second.rate > _FASTER * first.rate:
            verdict.slow.append(first.worker)
        elif first.rate > _FASTER * second.rate:
            verdict.slow.append(second.worker)
        else:
            verdict.moved.append((second.worker, first.worker))
