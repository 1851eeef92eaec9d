"""What the adapters tell the dispatcher, and what agents' messages mean there: all goes through one queue."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from queue import SimpleQueue

from master.core.harmless import brief
from master.core.machine_use import MOST_GPUS
from master.core.running import events as ev
from master.core.running.orders.order import Ordered, Reply
from master.core.running.spread import peer_events as peer
from worker_agent.protocol import messages as msg
from worker_agent.protocol.artefacts.fetching import Fetched, FetchFailed
from worker_agent.protocol.artefacts.peering import MOST_ADDRESSES, ServeFailed, Serving
from worker_agent.protocol.artefacts.peering import Received as TakenSoFar
from worker_agent.protocol.events import Event, Running
from worker_agent.protocol.outcome import Finished
from worker_agent.protocol.reports import Released, Said, Slots, Usage


@dataclass(frozen=True)
class Received:
    """An event for the core."""

    event: ev.Event
    worker: str = ""
    seq: int = 0
    """Number of the agent's event, to be acknowledged once the journal has it; 0 needs none."""


@dataclass(frozen=True)
class Seen:
    """Progress of a running attempt, for the view alone."""

    worker: str
    job_id: str
    attempt: int
    said: Said
    slot: str | None = None
    """Where it runs, said once."""


@dataclass(frozen=True)
class Sampled:
    """How much of a worker was in use a moment ago."""

    worker: str
    usage: Usage


@dataclass(frozen=True)
class Noted:
    """A line for the user."""

    text: str


@dataclass(frozen=True)
class Asked:
    """An order of a user.  Its reply is given once the journal has what follows from it."""

    ordered: Ordered
    reply: Future[Reply]
    """Whoever waits may cancel it until the dispatcher takes it up: then nothing is done."""


_LONGEST_ID = 64
_LONGEST_ADDRESS = 64
Item = Received | Seen | Sampled | Noted | Asked
Inbox = SimpleQueue[Item]


class Mouth:
    """Puts what a worker's link has to say into the inbox, until it is shut.  Any thread may use it."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self.is_shut = False

    def put(self, item: Item) -> None:
        """Say something."""
        if not self.is_shut:
            self._inbox.put(item)


def to_event(worker: str, message: msg.ToMaster, at: float, most: int) -> ev.Event | None:
    """Return what a message means to the core, None for those that are not for it.

    `most` is how many slots the worker can have.
    """
    if isinstance(message, Event):
        return _attempt_event(worker, message, at)
    if isinstance(message, msg.Wanted):
        return ev.ArtefactWanted(at, worker, message.content_hash)
    if isinstance(message, msg.Rejected):
        return ev.DeliveryFailed(at, worker, message.content_hash, message.problem)
    if isinstance(message, Fetched):
        return ev.Fetched(at, worker, message.content_hash, message.source, message.seconds)
    if isinstance(message, FetchFailed):
        return ev.FetchFailed(at, worker, message.content_hash, brief(message.problem), message.transfer)
    if isinstance(message, (Serving, ServeFailed, TakenSoFar)):
        return _peer_event(worker, message, at)
    if isinstance(message, Released):
        return ev.AttemptReleased(at, worker, message.job_id, message.attempt)
    if isinstance(message, Slots):
        return ev.SlotsHeldByOthers(at, worker, message.held_by_others, _left_alone(message))
    if isinstance(message, msg.Welcome):
        attempts = frozenset(message.attempts)
        cached, ended = frozenset(message.cached), frozenset(message.ended)
        return ev.WorkerUp(
            *(at, worker, min(len(message.slots), most), message.held_by_others, attempts, cached),
            ended=ended,
            gpu_bytes=tuple(message.gpu_bytes),
            slots_per_gpu=message.slots_per_gpu,
            cores=message.facts.cores,
            memory_bytes=message.facts.memory_bytes,
            limits=message.facts.limits,
            left_alone=_left_alone(message),
            disk=message.facts.disk[:_LONGEST_ID],
            is_peer=bool(message.facts.peers),
        )
    return None


def _peer_event(worker: str, message: Serving | ServeFailed | TakenSoFar, at: float) -> ev.Event:
    key = (at, worker, message.content_hash, message.transfer)
    if isinstance(message, Serving):
        addresses = tuple(text[:_LONGEST_ADDRESS] for text in message.addresses[:MOST_ADDRESSES])
        return peer.Serving(*key, addresses, message.port)
    if isinstance(message, ServeFailed):
        return peer.ServeFailed(*key, brief(message.problem))
    return peer.Received(*key, message.bytes)


def _left_alone(message: Slots | msg.Welcome) -> tuple[str, ...]:
    """Return what a worker says of the GPUs that it leaves alone, in few and short words."""
    return tuple(brief(text) for text in message.left_alone[:MOST_GPUS])


def _attempt_event(worker: str, message: Event, at: float) -> ev.Event:
    key = (at, worker, message.job_id, message.attempt)
    if isinstance(message.detail, Running):
        return ev.AttemptStarted(*key)
    if isinstance(message.detail, Finished):
        return ev.AttemptFinished(*key, message.detail)
    return ev.AttemptStaging(*key)
