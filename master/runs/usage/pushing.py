"""A base model is sent to the caches of workers, without a run."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from master.adapters.agent_deploy import AgentBundle, build_agent, look_at_cache
from master.adapters.session import Session
from master.core.harmless import brief
from master.errors import TwophaseError
from master.runs.agents import OpenSession, open_session, python_of
from master.runs.usage.caches import AT_ONCE, CacheLook
from master.specs import ClusterSpec, ServerSpec
from worker_agent.protocol.codec import parse
from worker_agent.protocol.layout import PUSHED, WorkLayout
from worker_agent.protocol.looks.cache import CacheNow


@dataclass(frozen=True)
class Pushed:
    """What has come of sending a base model to a worker."""

    look: CacheLook
    """The artefact in its cache, or why it is not there."""
    was_sent: bool = False
    """False where it was there before, or is taken from a disk that it was sent to."""


@dataclass(frozen=True)
class Parcel:
    """A directory that is sent, and its content hash."""

    path: Path
    content_hash: str


def push_to_caches(
    cluster: ClusterSpec,
    servers: Sequence[ServerSpec],
    parcel: Parcel,
    connect: OpenSession = open_session,
) -> list[Pushed]:
    """Send a directory to each of these workers that has it not, and let it be checked there.

    Of those with one disk one is sent it, and the others take it from there.
    """
    bundle, one_each = build_agent(), OneEach()
    with ThreadPoolExecutor(AT_ONCE) as pool:

        def push(server: ServerSpec) -> Pushed:
            return _push(server, lambda: connect(server, cluster, False), bundle, parcel, one_each)

        return list(pool.map(push, servers))


class OneEach:
    """Lets the workers of a disk go one after the other: what one was sent the next finds there."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turns: dict[str, threading.Lock] = {}

    def turn(self, disk: str) -> contextlib.AbstractContextManager[object]:
        """Return what is to be held while a worker of this disk is sent something."""
        if not disk:
            return contextlib.nullcontext()
        with self._lock:
            return self._turns.setdefault(disk, threading.Lock())


def _push(
    server: ServerSpec, connect: Callable[[], Session], bundle: AgentBundle, parcel: Parcel, one_each: OneEach
) -> Pushed:
    try:
        with connect() as session:
            place = _ask(session, bundle, server, "place", parcel)
            if place.items:
                return Pushed(CacheLook(server.name, place))
            with one_each.turn(place.disk):
                place = _ask(session, bundle, server, "place", parcel) if place.disk else place
                return _send(session, bundle, server, parcel, place)
    except (TwophaseError, OSError, ValueError) as error:
        problem = brief(str(error).removeprefix(f"{server.name}: "))
        return Pushed(CacheLook(server.name, None, problem))


def _send(
    session: Session, bundle: AgentBundle, server: ServerSpec, parcel: Parcel, place: CacheNow
) -> Pushed:
    """Send it where it is not by now."""
    if place.items:
        return Pushed(CacheLook(server.name, place))
    target = WorkLayout(Path(place.folder)).incoming(PUSHED, parcel.content_hash)
    session.push(parcel.path, str(target))
    there = _ask(session, bundle, server, "take", parcel)
    return Pushed(CacheLook(server.name, there), was_sent=True)


def _ask(session: Session, bundle: AgentBundle, server: ServerSpec, what: str, parcel: Parcel) -> CacheNow:
    words = (what, "--artefact", parcel.content_hash)
    told = look_at_cache(session, bundle, python_of(server), server, *words)
    return parse(CacheNow, told.get("cache"))
