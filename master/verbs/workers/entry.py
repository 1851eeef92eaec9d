"""The cluster config of one worker: a server of a file by its name, or an entry that a user writes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from master.core.nearest import hint, shown
from master.errors import UsageError
from master.intake.cluster import SERVER_KEYS, TOP_KEYS, read_cluster
from master.intake.cluster_settings import SHARED_KEYS
from master.intake.strict_json import Node, parse_document, read_document
from master.specs import PoolSpec

_ALL_SERVERS = "servers"
_SHARED = frozenset({*SHARED_KEYS, "ssh_config", "known_hosts"})


def named(name: str, path: Path) -> dict[str, Any]:
    """Return what an order says of a worker that a file lists by this name: its config, or that it is a seat.

    Raises ConfigError for a file that is none, UsageError where it lists no such worker.
    """
    root = read_document(path).root
    seats = [seat.name for pool in _pools(root, path) for seat in pool.all_seats]
    if name in seats:
        return {"config": {}, "seat": name}
    return {"config": config_without(name, path, seats)}


def _pools(root: Node, path: Path) -> tuple[PoolSpec, ...]:
    return read_cluster(path).pools if root.as_object().get("pools") else ()


def config_without(name: str, path: Path, others: Sequence[str] = ()) -> dict[str, Any]:
    """Return the cluster config in a file with no other server than the one of this name.

    `others` are names that are no server's, and may have been meant.

    Raises ConfigError for a file that is none, UsageError where it lists no such server.
    """
    root = read_document(path).root
    config, servers = _shared(root), _servers(root)
    found = [server for server in servers if name in _names(server)]
    if not found:
        known = [*(_names(server)[0] for server in servers), *others]
        raise UsageError(f"{path} lists no server {shown(name)}: {hint(name, known)}")
    if len(found) > 1:
        several = " or ".join(_names(server)[-1] for server in found)
        raise UsageError(f"{path} lists several servers {shown(name)}: say {several}")
    return {**config, _ALL_SERVERS: found}


def config_with(entry: str, path: Path | None) -> dict[str, Any]:
    """Return a cluster config of one server; a file tells what holds for all servers, where one is given.

    Raises ConfigError for an entry, or a file, that cannot be read.
    """
    document = parse_document(entry, "--entry")
    document.root.only_keys(SERVER_KEYS)
    return {**(_shared(read_document(path).root) if path else {}), _ALL_SERVERS: [json.loads(entry)]}


def _shared(root: Node) -> dict[str, Any]:
    """Return what a config says of all servers and of how they are reached; the rest is said for the run."""
    root.only_keys(TOP_KEYS)
    return {key: value for key, value in root.as_object().items() if key in _SHARED}


def _servers(root: Node) -> list[dict[str, Any]]:
    servers = root.as_object().get(_ALL_SERVERS)
    return [each for each in servers if isinstance(each, dict)] if isinstance(servers, list) else []


def _names(server: dict[str, Any]) -> list[str]:
    """Return what a server is called: by its host, and with user and port."""
    host = str(server.get("host"))
    user = f"{server['user']}@" if server.get("user") else ""
    port = f":{server['port']}" if server.get("port") else ""
    return [host, f"{user}{host}{port}"]
