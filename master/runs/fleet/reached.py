"""How workers are reached, as the journal keeps it: one that a later config lacks may have jobs left."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from master.specs import ClusterSpec, PoolSpec, ServerSpec
from worker_agent.protocol.codec import dump, parse
from worker_agent.protocol.messages import Settings

_OF_SERVER = ("host", "user", "port", "ssh_key", "python", "state_dir")
_OF_POOL = ("name", "seats", "time_s", "idle_s", "queued", "reach")
_OF_CLUSTER = ("ssh_config", "known_hosts")


def as_json(server: ServerSpec, cluster: ClusterSpec) -> dict[str, Any]:
    """Return what is needed to find a worker's agent again, and how its data is called; no secret."""
    own = {key: getattr(server, key) for key in _OF_SERVER}
    shared = {key: getattr(cluster, key) for key in _OF_CLUSTER}
    data = [item.name for item in server.data]
    told = {**own, **shared, "agent": json.loads(dump(server.agent)), "data": data}
    return {**told, "pool": _pool_json(server.pool)} if server.pool else told


def _pool_json(pool: PoolSpec) -> dict[str, Any]:
    """Return what is needed to ask a pool's engine again for what it lent; its login host is the seat's."""
    return {**{key: getattr(pool, key) for key in _OF_POOL}, "options": list(pool.options)}


def from_json(name: str, told: Mapping[str, Any]) -> tuple[ServerSpec, ClusterSpec]:
    """Undo `as_json`.  Raises ValueError, LookupError, TypeError where something else is in its place."""
    agent = parse(Settings, told["agent"])
    server = ServerSpec(name, **{key: told[key] for key in _OF_SERVER}, agent=agent)
    if "pool" in told:
        server = replace(server, pool=_pool(server, told["pool"]))
    return server, ClusterSpec((server,), **{key: told[key] for key in _OF_CLUSTER})


def _pool(seat: ServerSpec, told: Mapping[str, Any]) -> PoolSpec:
    terms = {key: told[key] for key in _OF_POOL}
    return PoolSpec(login=replace(seat, name=seat.host), options=tuple(told["options"]), **terms)
