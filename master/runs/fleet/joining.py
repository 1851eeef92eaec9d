"""A worker that joins a run: its config is read as strictly as that of the others."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

from master.core.running.orders.of_workers import AddWorker
from master.errors import ConfigError
from master.intake.cluster import parse_cluster
from master.intake.head_paths import with_head_paths
from master.intake.secrets.environment import with_secrets
from master.runs.worker_check import needs_of
from master.specs import ClusterSpec, ServerSpec

_SOURCE = "add-worker"


def read_joining(order: AddWorker, listed: ClusterSpec) -> ClusterSpec:
    """Return the cluster config of an order, which lists one worker.

    Jobs need there what they do on those that are `listed`; a seat is one of these.  Raises ConfigError for
    what is none, or lists several.
    """
    if order.seat:
        return replace(listed, servers=(_seat(order.seat, listed),))
    source = str(Path(order.folder) / _SOURCE)
    found = parse_cluster(json.dumps(order.config), source)
    if found.pools:
        problem = "no pool can join a run that goes on: add it to the cluster config, and start the run again"
        raise ConfigError(_SOURCE, "pools", problem)
    if len(found.servers) != 1:
        raise ConfigError(_SOURCE, "servers", f"lists {len(found.servers)} servers: give one")
    cluster = with_secrets(with_head_paths(found, source), source, os.environ)
    return replace(cluster, servers=(needs_of(listed.servers, cluster.servers[0]),))


def _seat(name: str, listed: ClusterSpec) -> ServerSpec:
    for server in listed.servers:
        if server.name == name and server.pool is not None:
            return server
    pools = ", ".join(f"{pool.name}.1 to {pool.name}.{pool.seats}" for pool in listed.pools)
    raise ConfigError(_SOURCE, "seat", f"{name} is no seat of this run, which has {pools or 'no pools'}")


def described(order: AddWorker, server: ServerSpec) -> AddWorker:
    """Return the order with what is read from its config."""
    pool = server.pool.name if server.pool else ""
    return replace(order, name=server.name, labels=list(server.labels), limits=server.limits, pool=pool)
