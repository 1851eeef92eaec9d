"""A base model is sent to the caches of workers, without a run."""

from __future__ import annotations

from collections.abc import Sequence
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
    """False where it was there before."""


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
    """Send a directory to each of these workers that has it not, and let it be checked there."""
    bundle = build_agent()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda server: _push(cluster, server, bundle, parcel, connect), servers))


def _push(
    cluster: ClusterSpec, server: ServerSpec, bundle: AgentBundle, parcel: Parcel, connect: OpenSession
) -> Pushed:
    try:
        with connect(server, cluster, False) as session:
            place = _ask(session, bundle, server, "place", parcel)
            if place.items:
                return Pushed(CacheLook(server.name, place))
            target = WorkLayout(Path(place.folder)).incoming(PUSHED, parcel.content_hash)
            session.push(parcel.path, str(target))
            there = _ask(session, bundle, server, "take", parcel)
            return Pushed(CacheLook(server.name, there), was_sent=True)
    except (TwophaseError, OSError, ValueError) as error:
        problem = brief(str(error).removeprefix(f"{server.name}: "))
        return Pushed(CacheLook(server.name, None, problem))


def _ask(session: Session, bundle: AgentBundle, server: ServerSpec, what: str, parcel: Parcel) -> CacheNow:
    words = (what, "--artefact", parcel.content_hash)
    told = look_at_cache(session, bundle, python_of(server), server, *words)
    return parse(CacheNow, told.get("cache"))
