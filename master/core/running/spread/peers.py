"""Artefacts from peer to peer: what is asked of whom, and what becomes of it.

Nothing depends on it that it works: who finds no peer, or has failed with several, is sent what it needs.
"""

from __future__ import annotations

from collections.abc import Callable

from master.core.running import commands as cmd
from master.core.running import events as ev
from master.core.running.fleet.worker_view import WorkerView
from master.core.running.records import Outbox, RunState
from master.core.running.spread import chain, pace
from master.core.running.spread import peer_events as peer
from master.core.running.spread.takers import Barred, Spread, Taker

LOOK_EVERY_S = 0.5
"""Seconds between two looks at how fast it goes."""
BAR_S = 60.0
"""So long a peer is not asked that could not give something; it doubles each time."""
MOST_BARS = 10
"""It doubles no more often than that."""
MOST_REFUSED = 2
"""Who could not take an artefact from so many peers is sent it."""
Send = Callable[[RunState, WorkerView, str, Outbox], None]


def may_join(state: RunState, view: WorkerView, content_hash: str) -> bool:
    """Return whether a worker can have an artefact from peers: base models only, small things are sent."""
    if not (state.policy.peers and view.is_peer) or content_hash in state.peers.unfit:
        return False
    return content_hash in state.home.values()


def join(state: RunState, view: WorkerView, content_hash: str, at: float) -> None:
    """Let a worker have an artefact from a peer; from which is decided with the next tick."""
    spread = state.peers.spreads.setdefault(content_hash, Spread())
    spread.takers.setdefault(view.name, Taker(view.name, at))


def leave(state: RunState, worker: str) -> None:
    """Forget what a worker takes and serves: it has gone, or comes anew."""
    for name in [name for name, spread in state.peers.spreads.items() if worker in spread.takers]:
        state.peers.drop(name, worker)
    for taker in state.peers.all_takers():
        if taker.source == worker:
            taker.leave_source()


def on_tick(state: RunState, out: Outbox, send: Send) -> None:
    """Find sources for those that have none, and look now and then whether all goes on."""
    peers = state.peers
    if not peers.spreads:
        return
    looks = out.at >= peers.next_look_at
    if looks:
        peers.next_look_at = out.at + LOOK_EVERY_S
    for name, spread in list(peers.spreads.items()):
        if name in peers.unfit:
            _forget_the_gone(state, name, spread)
            for worker in list(spread.takers):
                send_after_all(state, state.workers[worker], name, out, send)
            continue
        if looks:
            _forget_the_gone(state, name, spread)
            _act_on(state, name, spread, out)
        _give_sources(state, name, out, send)


def _forget_the_gone(state: RunState, content_hash: str, spread: Spread) -> None:
    for worker in list(spread.takers):
        view = state.workers.get(worker)
        if view is None or content_hash not in view.delivering or content_hash in state.damaged:
            state.peers.drop(content_hash, worker)


def _act_on(state: RunState, content_hash: str, spread: Spread, out: Outbox) -> None:
    """Let those wait at the end that hold others up, and ask no more of those that give nothing."""
    verdict = pace.judge(state.peers, spread, out.at)
    for worker in verdict.slow:
        state.peers.slow[worker] = out.at + pace.SLOW_S
        _set_apart(spread, worker)
    for source, accuser, problem in verdict.bad:
        bar(state, source, accuser, problem, out)
    for worker, source in verdict.moved:
        _ask(state, content_hash, spread.takers[worker], source, out)


def _set_apart(spread: Spread, worker: str) -> None:
    """Let a taker, and whom it feeds, have other sources."""
    for taker in spread.takers.values():
        if worker in (taker.worker, taker.source):
            taker.leave_source()


def bar(state: RunState, source: str, accuser: str, problem: str, out: Outbox) -> None:
    """Ask a peer for nothing for a while; whom it fed has another source, and it goes to the end itself."""
    peers = state.peers
    count = 1 + (peers.barred[source].count if source in peers.barred else 0)
    until = out.at + BAR_S * 2.0 ** min(count - 1, MOST_BARS)
    peers.barred[source] = Barred(until, accuser, count)
    for spread in peers.spreads.values():
        if accuser in spread.takers:
            spread.takers[accuser].refused.add(source)
        _set_apart(spread, source)
    if source not in peers.told:
        peers.told.add(source)
        by = f" to {accuser}" if accuser else ""
        out.commands.append(
            cmd.Tell(
                f"{source}: does not pass a base model on{by}: {problem}; "
                f"others have it from elsewhere, and it is not asked for {until - out.at:.0f} s"
            )
        )


def _give_sources(state: RunState, content_hash: str, out: Outbox, send: Send) -> None:
    spread = state.peers.spreads.get(content_hash)
    for taker in chain.in_line(state, spread, out.at) if spread else ():
        if source := chain.source_for(state, content_hash, taker, out.at):
            _ask(state, content_hash, taker, source, out)
        elif not _is_sent_to_a_peer(state, content_hash) or _has_waited(state, taker, out.at):
            send_after_all(state, state.workers[taker.worker], content_hash, out, send)


def _is_sent_to_a_peer(state: RunState, content_hash: str) -> bool:
    """Return whether somebody is sent an artefact who can pass it on then."""
    views = (state.workers.get(worker) for worker, name in state.sent if name == content_hash)
    return any(view is not None and view.is_peer and content_hash in view.delivering for view in views)


def _has_waited(state: RunState, taker: Taker, at: float) -> bool:
    """Return whether a taker has waited for too long; the others of its artefact wait on for now."""
    if at - taker.since <= state.policy.lease_s:
        return False
    for other in state.peers.all_takers():
        other.since = at
    return True


def send_after_all(state: RunState, view: WorkerView, content_hash: str, out: Outbox, send: Send) -> None:
    """Let the master send an artefact that a worker was to have from peers; whom it fed waits for that."""
    state.peers.drop(content_hash, view.name)
    if spread := state.peers.spreads.get(content_hash):
        _set_apart(spread, view.name)
    send(state, view, content_hash, out)


def _ask(state: RunState, content_hash: str, taker: Taker, source: str, out: Outbox) -> None:
    """Have a source serve a taker, which is told where once that is known."""
    peers = state.peers
    taker.leave_source()
    # Numbers of a master that was here before are not given again.
    peers.last_transfer = max(peers.last_transfer + 1, int(out.at))
    taker.source, taker.transfer = source, peers.last_transfer
    out.commands.append(cmd.Serve(source, content_hash, taker.transfer, (taker.worker,)))


def on_asked(state: RunState, event: peer.Asked, out: Outbox) -> None:
    """Wait for the source's answer from now on, no longer than it takes."""
    taker = state.peers.by_transfer(event.content_hash, event.transfer)
    if taker is not None and taker.source == event.worker:
        taker.asked_at = event.at
        state.peers.spreads[event.content_hash].size = event.size


def on_unfit(state: RunState, event: peer.Unfit, out: Outbox) -> None:
    """Send an artefact to all that were to take it from others, now and later."""
    peers = state.peers
    peers.unfit.add(event.content_hash)
    for spec_hash in state.specs_of(event.content_hash):
        is_sent = f"base model {spec_hash[:12]} is sent to each worker: {event.problem}"
        out.commands.append(cmd.Tell(is_sent))


def on_serving(state: RunState, event: peer.Serving, out: Outbox) -> None:
    """Tell the taker where to take it."""
    taker = state.peers.by_transfer(event.content_hash, event.transfer)
    if taker is None or taker.source != event.worker or taker.is_taking:
        return  # it was given up meanwhile
    taker.is_taking = True
    taker.moved_at = taker.heard_at = out.at
    what = (event.content_hash, event.transfer, event.worker, event.addresses, event.port)
    out.commands.append(cmd.Take(taker.worker, *what))


def on_serve_failed(state: RunState, event: peer.ServeFailed, out: Outbox) -> None:
    """Have others serve what a peer cannot."""
    taker = state.peers.by_transfer(event.content_hash, event.transfer)
    if taker is not None and taker.source == event.worker:
        bar(state, event.worker, "", event.problem, out)


def on_received(state: RunState, event: peer.Received, out: Outbox) -> None:
    """Note how far a taker is."""
    peers = state.peers
    taker = peers.taking(event.content_hash, event.worker)
    if taker is not None and taker.transfer == event.transfer and taker.is_taking:
        pace.note(peers, peers.spreads[event.content_hash], taker, event.bytes, event.at)


def on_take_failed(state: RunState, taker: Taker, event: ev.FetchFailed, out: Outbox, send: Send) -> None:
    """Let a taker have it from another peer; who failed with several is sent it, and accuses nobody."""
    if not taker.source or event.transfer != taker.transfer:
        return  # of a source that it does not take from any more
    bar(state, taker.source, taker.worker, event.problem, out)
    if len(taker.refused) >= MOST_REFUSED:
        _clear_of(state, taker.worker)
        send_after_all(state, state.workers[taker.worker], event.content_hash, out, send)


def _clear_of(state: RunState, accuser: str) -> None:
    """Ask those again whom one has accused that could have something from nobody."""
    for barred in state.peers.barred.values():
        if barred.accuser == accuser:
            barred.until, barred.count = 0.0, 0


def on_arrived(state: RunState, view: WorkerView, event: ev.Fetched, out: Outbox) -> None:
    """Note that a taker has all of it; it may feed whoever it feeds, and more."""
    peers = state.peers
    spread = peers.spreads.get(event.content_hash)
    taker = peers.drop(event.content_hash, view.name)
    if spread is None or taker is None or not taker.source:
        return
    if spread.was_tried and view.name not in peers.slow:
        peers.compared.add(view.name)
    if barred := peers.barred.get(taker.source):
        barred.count = 0
    for spec_hash in state.specs_of(event.content_hash):
        had = f"took base model {spec_hash[:12]} from {taker.source} in {event.seconds:.1f} s"
        out.commands.append(cmd.Tell(f"{view.name}: {had}"))
