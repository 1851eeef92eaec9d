"""Workers whose caches lie on one disk: one of them is sent an artefact, the others take it from there.

Nothing depends on it that they do: who cannot, or has waited for too long, is sent what it needs.
"""

from __future__ import annotations

from collections.abc import Iterator

from master.core.running import commands as cmd
from master.core.running import events as ev
from master.core.running.fleet.worker_view import WorkerView
from master.core.running.jobs import expect_model
from master.core.running.records import Outbox, RunState
from master.core.running.spread import peers, warm_pool
from worker_agent.protocol.artefacts.fetching import Source

MOST_FAILED = 2
"""After so many artefacts in a row that it did not find there, a worker's disk is one of its own."""


def on_worker_up(state: RunState, view: WorkerView, event: ev.WorkerUp) -> None:
    """Note on which disk a worker's cache is; nothing is on its way to it."""
    for under_way in (state.sent, state.behind):
        for key in [key for key in under_way if key[0] == view.name]:
            del under_way[key]
    state.disks.get(view.disk, set()).discard(view.name)
    view.disk, view.failed_fetches = event.disk, 0
    if event.disk:
        state.disks.setdefault(event.disk, set()).add(view.name)


def expect_models(state: RunState, view: WorkerView) -> None:
    """Note the base models that a worker has, and those that others on its disk have."""
    mates = list(_mates(state, view))
    for spec_hash, content_hash in state.home.items():
        _expect(state, view, mates, spec_hash, content_hash)


def expect_model_of(state: RunState, view: WorkerView, content_hash: str) -> None:
    """Note that a worker has a base model now, and that others on its disk have it as good as that."""
    specs = state.specs_of(content_hash)
    mates = list(_mates(state, view)) if specs else []
    for spec_hash in specs:
        _expect(state, view, mates, spec_hash, content_hash)


def _expect(
    state: RunState, view: WorkerView, mates: list[WorkerView], spec_hash: str, content_hash: str
) -> None:
    # Who reads the disk of one that has it was told when that came.
    is_there = any(content_hash in mate.cached for mate in mates)
    if is_there or content_hash in view.cached:
        for each in (view,) if is_there else (view, *mates):
            expect_model(state, each, spec_hash)


def bring(state: RunState, view: WorkerView, content_hash: str, out: Outbox) -> None:
    """Let a worker have an artefact from its disk, now or once another one has it there; else it is sent."""
    mates = list(_mates(state, view))
    state.sent.pop((view.name, content_hash), None)
    if any(content_hash in mate.cached for mate in mates):
        out.commands.append(cmd.Fetch(view.name, content_hash))
    elif any(_is_sent(state, mate, content_hash) for mate in mates):
        state.behind[view.name, content_hash] = out.at
    elif peers.may_join(state, view, content_hash):
        peers.join(state, view, content_hash, out.at)
    else:
        send(state, view, content_hash, out)


def send(state: RunState, view: WorkerView, content_hash: str, out: Outbox) -> None:
    """Let an artefact be sent to a worker by the master."""
    state.sent.setdefault((view.name, content_hash), out.at)
    out.commands.append(cmd.Deliver(view.name, content_hash))


def _mates(state: RunState, view: WorkerView) -> Iterator[WorkerView]:
    """Yield the others whose caches a worker can read, as far as is known."""
    if _shares(view):
        for name in state.disks.get(view.disk, ()):
            mate = state.workers.get(name)
            if mate is not None and mate is not view and mate.disk == view.disk and _shares(mate):
                yield mate


def _shares(view: WorkerView) -> bool:
    return bool(view.disk) and view.failed_fetches < MOST_FAILED


def _is_sent(state: RunState, mate: WorkerView, content_hash: str) -> bool:
    """Return whether an artefact is on its way to a worker, or is being checked there."""
    return content_hash in mate.delivering and (mate.name, content_hash) not in state.behind


def on_fetched(state: RunState, event: ev.Fetched, out: Outbox) -> None:
    """Note what a worker has now; who waited for it there takes it."""
    view, name = state.workers[event.worker], event.content_hash
    if name not in view.delivering:
        return  # nobody has asked for it
    view.delivering.discard(name)
    view.cached.add(name)
    expect_model_of(state, view, name)
    warm_pool.on_arrival(state, view, name, event.at)
    peers.on_arrived(state, view, event, out)
    if event.source is Source.DISK:
        view.failed_fetches = 0
        _tell_taken(state, view, event, out)
    for waiting in [key for key in state.behind if key[1] == name] if _shares(view) else ():
        other = state.workers.get(waiting[0])
        if other is not None and other.disk == view.disk and name in other.delivering:
            del state.behind[waiting]
            out.commands.append(cmd.Fetch(other.name, name))


def _tell_taken(state: RunState, view: WorkerView, event: ev.Fetched, out: Outbox) -> None:
    served = 1 + sum(event.content_hash in mate.cached for mate in _mates(state, view))
    for spec_hash in state.specs_of(event.content_hash):
        had = f"took base model {spec_hash[:12]} from its disk in {event.seconds:.1f} s"
        out.commands.append(cmd.Tell(f"{view.name}: {had}: one copy serves {served} workers"))


def on_fetch_failed(state: RunState, view: WorkerView, event: ev.FetchFailed, out: Outbox) -> None:
    """Send what a worker did not find on its disk, where nobody else looks for it either."""
    state.behind.pop((view.name, event.content_hash), None)
    for mate in _mates(state, view):
        mate.cached.discard(event.content_hash)
    view.failed_fetches += 1
    if view.failed_fetches == 1:
        why = f"what another worker has on its disk cannot be had from there: {event.problem}"
        out.commands.append(cmd.Tell(f"{view.name}: {why}; it is sent"))
    send(state, view, event.content_hash, out)


def on_tick(state: RunState, out: Outbox) -> None:
    """Let nobody wait for what is not on its way any more, nor longer than a lease."""
    if not state.behind:
        return
    on_their_way = {
        (view.disk, name)
        for view in state.workers.values()
        for name in view.delivering
        if _shares(view) and (view.name, name) not in state.behind
    }
    for (worker, name), since in list(state.behind.items()):
        view = state.workers.get(worker)
        if view is None or name not in view.delivering:
            del state.behind[worker, name]
        elif out.at - since > state.policy.lease_s:
            del state.behind[worker, name]
            send(state, view, name, out)
        elif (view.disk, name) not in on_their_way:
            del state.behind[worker, name]
            bring(state, view, name, out)
            on_their_way.add((view.disk, name))
