"""The loop that owns the run's state: event → step → journal → commands."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import islice
from queue import Empty
from typing import Protocol

from master import steady_clock
from master.adapters.agent_client import WorkerLink
from master.adapters.inbox import Asked, Inbox, Item, Noted, Received, Seen
from master.core.planning.job_limits import kept
from master.core.running import commands as cmd
from master.core.running import events as ev
from master.core.running.fleet.room_words import room_of
from master.core.running.fleet.worker_view import WorkerView
from master.core.running.orders.order import Reply, Said
from master.core.running.pruning.spoke import AttemptSpoke
from master.core.running.records import Outbox
from master.core.running.run_state import begin, has_more_to_do, step
from master.runs.fleet.pools.news import news_of_seat
from master.runs.notices import Notice, PeopleWanted, Refreshed, Transitions
from master.runs.snapshot import SharedState
from master.storage.journal import Journal
from worker_agent.protocol import messages as msg
from worker_agent.protocol.artefacts.fetching import Fetch
from worker_agent.protocol.lines import LONGER, is_burst

_log = logging.getLogger(__name__)
TICK_S = 0.25
MAX_BATCH = 2000
"""Events that share one commit."""
OfSeat = cmd.SubmitSeat | cmd.CancelSeat | cmd.Reach | cmd.Unreach
MOST_STEPS = 100
"""Of those that go on with what others have left undone, before what has come meanwhile is looked at."""
RUN_IS_OVER = Reply(refused=(Said("run", "is over: nothing was done"),))
GATHER_S = 0.005
"""Events that come meanwhile share a commit, which costs about half as long; in a burst it is `LONGER`."""


class Carrier(Protocol):
    """Moves outcomes and artefacts; answers through the inbox."""

    def collect(self, command: cmd.Collect) -> None: ...

    def collect_failed(self, command: cmd.CollectFailedAttempt) -> None: ...

    def deliver(self, command: cmd.Deliver) -> None: ...


class FleetPort(Protocol):
    """Workers that join and go."""

    def connect(self, name: str) -> None: ...

    def let_go(self, name: str, *, answers: bool) -> None: ...

    def have_slots(self, name: str, least: int | None) -> None: ...


@dataclass(frozen=True)
class Ports:
    """What commands are executed by."""

    links: Mapping[str, WorkerLink]
    """Those of the workers that are in the run now."""
    carrier: Carrier
    launch_of: Callable[[str, int, str], msg.Launch]
    """Returns the message that starts `(job_id, attempt)` on a worker."""
    fleet: FleetPort
    take_jobs: Callable[[Sequence[str]], None] = lambda jobs: None
    """Makes jobs that are new to the run ready to be launched."""
    of_seat: Callable[[OfSeat], None] = lambda command: None
    """Asks pools for allocations, and connects to their seats."""
    of_peers: Callable[[cmd.Serve | cmd.Take], None] = lambda command: None
    """Tells workers to serve to each other, and to take."""


class Dispatcher:
    """Runs a run to its end.  Only this thread changes the state and writes the journal."""

    def __init__(
        self,
        shared: SharedState,
        journal: Journal,
        inbox: Inbox,
        ports: Ports,
        tell: Callable[[Notice], None],
        clock: Callable[[], float] = steady_clock.now,
    ) -> None:
        self.state = shared.state
        self._shared, self._journal, self._inbox = shared, journal, inbox
        self._links, self._carrier, self._launch_of = ports.links, ports.carrier, ports.launch_of
        self._fleet, self._take_jobs, self._of_seat = ports.fleet, ports.take_jobs, ports.of_seat
        self._of_peers = ports.of_peers
        self._tell, self._clock = tell, clock
        self.exit_code: int | None = None
        """None while the run goes on."""
        self._refreshed = 0.0
        self._in_burst = False
        self._replies: list[tuple[Future[Reply], Reply]] = []
        """Of orders, for when the journal has what follows from them."""

    def run(self) -> int:
        """Work until the run is over and return its exit code."""
        self.begin()
        while self.exit_code is None:
            self.turn(self._batch())
        self.tell_rest()
        return self.exit_code

    def tell_rest(self) -> None:
        """Tell what has come since the run is over; orders are not carried out any more."""
        for item in _waiting(self._inbox):
            if isinstance(item, Asked):
                item.reply.cancel()
            elif not isinstance(item, Received):
                self._tell(item)
        self._tell(Refreshed(self.state, self._clock()))

    def begin(self) -> None:
        """Let the run begin, and begin to connect."""
        with self._shared.changing():
            outbox = begin(self.state, self._clock())
            self._remember([outbox])
        self._carry_out([outbox], {})
        if self.exit_code is None:
            for link in self._links.values():
                link.start()

    def turn(self, batch: Sequence[Item]) -> None:
        """Take in what has come, remember it in one commit, tell of it, then act on it."""
        at = self._clock()
        ticks = at - self._refreshed >= TICK_S
        notices: list[Notice] = []
        with self._shared.changing():
            outboxes = list(self._step(batch, notices))
            if ticks:
                self._refreshed = at
                outboxes.append(step(self.state, ev.Tick(at)))
            outboxes += self._go_on(at)
            self._remember(outboxes)
        self._answer()
        for notice in notices:
            self._tell(notice)
        self._carry_out(outboxes, _acks(batch))
        if ticks:
            self._tell(Refreshed(self.state, at))

    def _step(self, batch: Iterable[Item], notices: list[Notice]) -> Iterator[Outbox]:
        """Give the core what has come for it; add to `notices` what is to be told."""
        for item in batch:
            if isinstance(item, Received):
                if item.worker and item.worker not in self.state.workers:
                    continue  # it has left the run
                if text := news_of(item.event, self.state.workers, limited=self.state.any_limits):
                    notices.append(Noted(text))
                yield self._taken(item, notices)
            elif isinstance(item, Asked):
                yield from self._ordered(item)
            elif isinstance(item, Seen) and self.state.contests:
                notices.append(item)
                yield self._taken(_spoken(item, self._clock()), notices)
            else:
                notices.append(item)

    def _ordered(self, item: Asked) -> Iterator[Outbox]:
        """Do what a user wants, unless he waits for it no more; his mistake, and ours, ends no run."""
        if not item.reply.set_running_or_notify_cancel():
            return
        try:
            outbox = step(self.state, item.ordered)
        except Exception as error:
            _log.exception("an order that cannot be carried out: %r", item.ordered)
            item.reply.set_exception(error)
            return
        self._replies.append((item.reply, outbox.reply or RUN_IS_OVER))
        yield outbox

    def _answer(self) -> None:
        """Tell users what came of their orders: the journal has it."""
        for waits, reply in self._replies:
            waits.set_result(reply)
        self._replies.clear()

    def _taken(self, item: Received, notices: list[Notice]) -> Outbox:
        """Give the core an event; a worker that says what cannot be is used no more, and the run goes on."""
        try:
            return step(self.state, item.event)
        except Exception as error:
            if item.worker not in self._links:
                raise
            _log.exception("%s: an event that cannot be: %r", item.worker, item.event)
            reason = f"what it says cannot be: {type(error).__name__}: {error}"
            dismissed = ev.WorkerUnusable(self._clock(), item.worker, reason)
            notices.append(Noted(news_of(dismissed, self.state.workers)))
            self._links[item.worker].begin_close()
            return step(self.state, dismissed)

    def _go_on(self, at: float) -> Iterator[Outbox]:
        """Do some of what the last steps have left undone, so as not to take too long each."""
        for _ in range(MOST_STEPS):
            if not has_more_to_do(self.state):
                return
            yield step(self.state, ev.GoOn(at))

    def _remember(self, outboxes: Iterable[Outbox]) -> None:
        """Make what has happened durable, before anybody is told and anything is done."""
        transitions = [item for outbox in outboxes for item in outbox.transitions]
        written = [item for outbox in outboxes for item in (*outbox.transitions, *outbox.remarks)]
        self._journal.append(written, [order for outbox in outboxes for order in outbox.orders])
        self._shared.changed(transitions)

    def _batch(self) -> list[Item]:
        try:
            first = self._inbox.get(timeout=0.0 if has_more_to_do(self.state) else TICK_S)
        except Empty:
            return []
        time.sleep(GATHER_S * LONGER if self._in_burst else GATHER_S)
        batch = [first, *islice(_waiting(self._inbox), MAX_BATCH - 1)]
        self._in_burst = is_burst(len(batch), self._in_burst) and len(self.state.ready) > 0
        return batch

    def _carry_out(self, outboxes: Iterable[Outbox], acks: Mapping[str, int]) -> None:
        """Tell what the journal has, then do what follows from it."""
        transitions = [item for outbox in outboxes for item in outbox.transitions]
        if transitions:
            self._tell(Transitions(transitions, self.state))
        for outbox in outboxes:
            for command in outbox.commands:
                self._execute(command)
        for worker, seq in acks.items():
            if seq:
                self._say(worker, msg.Ack(seq))
        for outbox in outboxes:
            for command in outbox.commands:
                if isinstance(command, cmd.LetGo):  # after the last acknowledgement
                    self._fleet.let_go(command.worker, answers=command.answers)

    def _say(self, worker: str, message: msg.ToAgent) -> None:
        """Tell an agent something; one that has left the run needs to hear nothing."""
        if link := self._links.get(worker):
            link.send(message)

    def _execute(self, command: cmd.Command) -> None:
        match command:
            case cmd.StartAttempt(worker, job_id, attempt):
                self._say(worker, self._launch_of(job_id, attempt, worker))
            case cmd.StartGroup(worker, attempts):
                launches = [self._launch_of(*key, worker) for key in attempts]
                self._say(worker, msg.LaunchAll(launches))
            case cmd.Cancel(worker, job_id, attempt):
                self._say(worker, msg.Cancel(job_id, attempt))
            case cmd.Withdraw(worker, job_id, attempt):
                self._say(worker, msg.Withdraw(job_id, attempt))
            case cmd.Release(worker, job_id, attempt, suspect):
                self._say(worker, msg.Release(job_id, attempt, suspect))
            case cmd.DropCheckpoints(worker, job_id):
                self._say(worker, msg.DropCheckpoints(job_id))
            case cmd.Collect():
                self._carrier.collect(command)
            case cmd.CollectFailedAttempt():
                self._carrier.collect_failed(command)
            case cmd.Deliver():
                self._carrier.deliver(command)
            case cmd.Fetch(worker, content_hash):
                self._say(worker, Fetch(content_hash))
            case cmd.Serve() | cmd.Take():
                self._of_peers(command)
            case cmd.Pause(worker, reason, seconds):
                self._tell(Noted(f"{worker}: gets nothing for {seconds:g} s: {reason}"))
            case cmd.Resume(worker):
                self._tell(Noted(f"{worker}: used again"))
            case cmd.Connect(worker):
                self._fleet.connect(worker)
            case cmd.HaveSlots(worker, least):
                self._fleet.have_slots(worker, least)
            case cmd.SubmitSeat() | cmd.CancelSeat() | cmd.Reach() | cmd.Unreach():
                self._of_seat(command)
            case cmd.TakeJobs(jobs):
                self._take_jobs(jobs)
            case cmd.Tell(text):
                self._tell(Noted(text))
            case cmd.TellPeople(addresses):
                self._tell(PeopleWanted(addresses))
            case cmd.Halt(reason):
                self._tell(Noted(halt_text(reason)))
            case cmd.Finish(exit_code):
                self.exit_code = exit_code


def _waiting(inbox: Inbox) -> Iterator[Item]:
    """Yield what waits in an inbox."""
    while not inbox.empty():
        yield inbox.get()


def _spoken(item: Seen, at: float) -> Received:
    """Return what an attempt told of itself as an event for the core."""
    return Received(AttemptSpoke(at, item.worker, item.job_id, item.attempt, item.said), item.worker)


def _acks(batch: Iterable[Item]) -> dict[str, int]:
    """Return the last number of each worker whose events are among what has come."""
    acks: dict[str, int] = {}
    for item in batch:
        if isinstance(item, Received):
            acks[item.worker] = max(acks.get(item.worker, 0), item.seq)
    return acks


def news_of(event: ev.Event, workers: Mapping[str, WorkerView], *, limited: bool = False) -> str:
    """Say what becomes of a worker; "" for nothing new.  Where jobs are `limited`, say how they are there."""
    match event:
        case ev.WorkerUp(_, worker, slots, held):
            how = f", {kept(event.limits)}" if limited else ""
            room = room_of(slots, len(event.gpu_bytes), event.slots_per_gpu, held)
            return f"{worker}: up, {room}{how}"
        case ev.SlotsHeldByOthers(_, worker, held) if held != workers[worker].held_by_others:
            view = workers[worker]
            return f"{worker}: {room_of(view.slots, len(view.gpu_bytes), view.slots_per_gpu, held)}"
        case ev.SeatPending(_, worker) | ev.SeatRunning(_, worker) | ev.SeatEnded(_, worker):
            return news_of_seat(event, workers[worker].seat)
        case ev.WorkerUnusable(_, worker, reason):
            return f"{worker}: cannot be used: {reason}"
        case ev.WorkerLost(_, worker, reason) if reason != workers[worker].reason:
            return "" if workers[worker].is_past else f"{worker}: not connected, will try again: {reason}"
    return ""


def halt_text(reason: str) -> str:
    """Say why nothing more is started, and what to do."""
    return f"{reason}: nothing more is started, what runs may finish; mend it, the same command goes on"
