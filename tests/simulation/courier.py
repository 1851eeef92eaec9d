"""Carries outcomes home and artefacts to workers in a simulated run, by the rules of `master/transfers`."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from master.core.planning.plan import BASE_MODELS
from master.core.running import commands as cmd
from master.core.running import events as ev
from master.core.running.spread import peer_events as peer
from master.storage.rebuilding import Published
from master.transfers.single_flight import SingleFlight
from tests.simulation.fleet import Fleet
from tests.simulation.home import Home, StoredBaseModel
from tests.simulation.link import Link
from tests.simulation.peers import BYTES
from tests.simulation.tally import Tally
from tests.simulation.worker import RUN_ID
from worker_agent.protocol import messages as msg
from worker_agent.protocol.artefacts.fetching import Fetch
from worker_agent.protocol.artefacts.peering import Chunks, Serve, Take
from worker_agent.protocol.digests import content_hash

_NO_CHUNKS = Chunks([], [])
Tell = Callable[[ev.Event], None]


class Courier:
    """What the dispatcher hands transfers to; answers through `tell`.  It dies with its master."""

    def __init__(self, home: Home, fleet: Fleet, tally: Tally, tell: Tell) -> None:
        self._home, self._fleet, self._tally, self._tell = home, fleet, tally, tell
        self._single_flight = SingleFlight()
        self.under_way: set[Hashable] = set()
        self.alive = True

    def collect(self, command: cmd.Collect) -> None:
        """Bring an outcome home."""
        self._once((command.job_id, command.attempt), command.worker, lambda: self._collect(command))

    def collect_failed(self, command: cmd.CollectFailedAttempt) -> None:
        """Bring home what an attempt in vain left, then let the worker forget it."""
        key = ("failed", command.job_id, command.attempt)
        self._once(key, command.worker, lambda: self._collect_failed(command))

    def deliver(self, command: cmd.Deliver) -> None:
        """Bring an artefact to a worker."""
        self._once(command, command.worker, lambda: self._deliver(command))

    def is_under_way(self, key: Hashable) -> bool:
        """Return whether something is being carried."""
        return key in self.under_way

    def _once(self, key: Hashable, worker: str, work: Callable[[], bool]) -> None:
        self._home.burn()
        if self._single_flight.begin(key):
            self._carry(key, self._fleet.of(worker), work)

    def _carry(self, key: Hashable, link: Link, work: Callable[[], bool]) -> None:
        clock = link.clock
        self.under_way.add(key)

        def arrive() -> None:
            if not self.alive:
                return
            self.under_way.discard(key)
            if not self._single_flight.end(key, answered=link.up and work()):
                self._carry(key, link, work)

        clock.soon(clock.random.uniform(0, 6), arrive)

    # ---- outcomes

    def _collect(self, command: cmd.Collect) -> bool:
        worker, key = self._fleet.of(command.worker).worker, (command.job_id, command.attempt)
        now = worker.clock.now
        if not worker.is_on:
            return False
        if key not in worker.machine.files or key in worker.rotten_results:
            self._fail(command, now, "is not what it said", worker_fault=True)
        elif command.job_id.startswith(BASE_MODELS):
            self._bring_base_model(command, now)
        else:
            self._bring_result(command, now)
        return True

    def _fail(self, command: cmd.Collect, now: float, problem: str, *, worker_fault: bool) -> None:
        key = (command.job_id, command.attempt)
        self._tally.uncollectable.add(key)
        self._tell(ev.CollectionFailed(now, *key, problem, worker_fault))

    def _bring_base_model(self, command: cmd.Collect, now: float) -> None:
        machine, made = self._fleet.of(command.worker).worker.machine, command.finished.base_model
        if made is None or machine.cache.get(made.content_hash) != "present":
            self._fail(command, now, "the cache no longer holds it", worker_fault=True)
            return
        spec = command.job_id.partition("/")[2]
        held = self._home.store.get(spec)
        if held is None or held.is_rotten or held.content_hash != made.content_hash:
            self._home.store[spec] = StoredBaseModel(made.content_hash)
        self._tell(ev.Collected(now, command.job_id, command.attempt, made.content_hash))

    def _bring_result(self, command: cmd.Collect, now: float) -> None:
        job_id, found = command.job_id, content_hash(command.finished.files)
        held = self._home.results.get(job_id)
        if held is None:
            by = (command.worker, found)
            self._home.results[job_id] = Published(job_id, command.attempt, self._home.epoch, RUN_ID, *by)
            self._tally.published += 1
        if held is None or held.content_hash == found:
            self._tell(ev.Collected(now, job_id, command.attempt, found))
            return
        made = {attempt: content_hash(end.files) for attempt, end in command.others.items()}
        ours = [attempt for attempt in sorted(made, reverse=True) if made[attempt] == held.content_hash]
        if ours:
            self._tell(ev.Collected(now, job_id, ours[0], held.content_hash))
        else:
            self._fail(command, now, "exists already and is not written over", worker_fault=False)

    def _collect_failed(self, command: cmd.CollectFailedAttempt) -> bool:
        link, key = self._fleet.of(command.worker), (command.job_id, command.attempt)
        link.send(msg.Release(*key))
        if command.finished.checkpoint:
            self._tell(ev.CheckpointSettled(link.clock.now, *key))
        return True

    # ---- artefacts

    def tell_peer(self, command: cmd.Serve | cmd.Take) -> None:
        """Tell a worker to serve, or to take, once it is known what the pieces hash to."""
        self._home.burn()
        clock = self._fleet.of(command.worker).clock
        clock.soon(clock.random.uniform(0, 2), lambda: self._tell_peer(command, clock.now))

    def _tell_peer(self, command: cmd.Serve | cmd.Take, now: float) -> None:
        name, link = command.content_hash, self._fleet.links.get(command.worker)
        specs = self._home.specs_of(name)
        if not self.alive or link is None:
            return
        if not specs or self._home.store[specs[0]].is_rotten:
            self._tell(peer.Unfit(now, name, "it is damaged here"))
        elif isinstance(command, cmd.Serve):
            link.send(Serve(name, command.transfer, list(command.takers), _NO_CHUNKS, 30.0))
            self._tell(peer.Asked(now, command.worker, name, command.transfer, BYTES))
        else:
            where = (command.source, list(command.addresses), command.port)
            link.send(Take(name, command.transfer, *where, _NO_CHUNKS))

    def _deliver(self, command: cmd.Deliver) -> bool:
        link, wanted = self._fleet.of(command.worker), command.content_hash
        worker, where = link.worker, (link.clock.now, command.worker, wanted)
        specs = self._home.specs_of(wanted)
        if not specs:
            self._tell(ev.DeliveryFailed(*where, "nothing here has it"))
        elif self._home.store[specs[0]].is_rotten:
            del self._home.store[specs[0]]
            self._tally.damages[specs[0]] += 1
            self._tell(ev.BaseModelDamaged(link.clock.now, specs[0]))
        elif worker.machine.disk_is_full:
            self._tell(ev.DeliveryFailed(*where, "no space left"))
        else:
            chaos = worker.scene.chaos
            damaged = worker.clock.now < chaos.until
            damaged = damaged and worker.clock.random.random() < chaos.damaged_on_the_way
            worker.machine.incoming[wanted] = not damaged
            link.send(msg.Delivered(wanted))
            if worker.disk:
                link.send(Fetch(wanted))
            self._tell(ev.Delivered(*where))
        return True
