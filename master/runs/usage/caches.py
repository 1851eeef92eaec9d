"""The caches of all workers, looked at without a run."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from master.adapters.agent_deploy import AgentBundle, build_agent, look_at_cache
from master.core.harmless import brief
from master.errors import TwophaseError
from master.runs.agents import OpenSession, open_session, python_of
from master.specs import ClusterSpec, ServerSpec
from worker_agent.protocol.codec import parse
from worker_agent.protocol.looks.cache import CacheNow

AT_ONCE = 8


@dataclass(frozen=True)
class CacheLook:
    """The cache of a worker, or why it could not be looked at."""

    worker: str
    cache: CacheNow | None
    problem: str = ""


def look_at_caches(
    cluster: ClusterSpec, servers: Sequence[ServerSpec], what: str, connect: OpenSession = open_session
) -> list[CacheLook]:
    """Do what is asked for on each of these workers, and return what lay there."""
    bundle = build_agent()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda server: _look(cluster, server, bundle, what, connect), servers))


def _look(
    cluster: ClusterSpec, server: ServerSpec, bundle: AgentBundle, what: str, connect: OpenSession
) -> CacheLook:
    try:
        with connect(server, cluster, False) as session:
            told = look_at_cache(session, bundle, python_of(server), server, what)
            return CacheLook(server.name, parse(CacheNow, told.get("cache")))
    except (TwophaseError, OSError, ValueError) as error:
        return CacheLook(server.name, None, brief(str(error).removeprefix(f"{server.name}: ")))
