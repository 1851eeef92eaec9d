"""Reads the cluster config into frozen specs.  `docs/cluster_config.md` describes the file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from master.core.planning.resources import no_machine_has
from master.intake.cluster_gpus import gpu_ids
from master.intake.cluster_paths import head_path
from master.intake.cluster_settings import SHARED_KEYS, labels_of, shared_settings
from master.intake.machines.login import LOGIN_KEYS, host_of, with_login
from master.intake.machines.pool import pools_of, refuse_taken
from master.intake.secrets.notify import notify_settings
from master.intake.strict_json import Document, Node, parse_document, read_document
from master.specs import ClusterSpec, ServerSpec

THIS_MACHINE = "this machine"
_HEAD_KEYS = ("script_path", "ssh_config", "known_hosts")
SERVER_KEYS = ("host", *LOGIN_KEYS, "gpus", *SHARED_KEYS)
TOP_KEYS = ("$schema", "servers", "pools", "phase1_labels", "notify", "peers", *_HEAD_KEYS, *SHARED_KEYS)

_SSH_PORT = 22


def read_cluster(path: str | Path) -> ClusterSpec:
    """Read a cluster config file (JSON, or YAML by its ending).  Raises ConfigError."""
    return _cluster(read_document(path), Path(path).parent)


def this_machine() -> ClusterSpec:
    """Return the cluster of those who name none: this machine, with the GPUs that it has."""
    return parse_cluster('{"servers": [{"host": "localhost", "gpus": "auto"}]}', THIS_MACHINE)


def parse_cluster(text: str, source: str = "cluster_config.json") -> ClusterSpec:
    """Read the text of a cluster config; relative paths are relative to the folder of `source`."""
    return _cluster(parse_document(text, source), Path(source).parent)


def _cluster(document: Document, folder: Path) -> ClusterSpec:
    top = document.root
    top.only_keys(TOP_KEYS)
    shared = shared_settings(top, ServerSpec("", ""), folder)
    pools = pools_of(top, shared, folder)
    servers = _servers(top, shared, folder, may_lack=bool(pools))
    refuse_taken(top, pools, servers)
    workers = [*servers, *(seat for pool in pools for seat in pool.all_seats)]
    labels = _phase1_labels(top, workers)
    notify = top.get("notify")
    told = notify_settings(notify, folder) if notify else None
    peers = top.get("peers")
    return ClusterSpec(
        *(tuple(workers), labels),
        notify=told,
        pools=pools,
        peers=peers is not None and peers.boolean(),
        **_head_settings(top, folder),
    )


def _servers(top: Node, shared: ServerSpec, folder: Path, *, may_lack: bool) -> list[ServerSpec]:
    servers = top.get("servers")
    if servers is None or not servers.as_list():
        if may_lack:
            return []
        top.fail("`servers` must be a list of at least one object like {'host': 'lab1', 'gpus': 2}")
    nodes = list(servers.items())
    specs = [_server(node, shared, folder) for node in nodes]
    _refuse_repeated(nodes, specs)
    return list(_named(specs))


def _phase1_labels(top: Node, specs: list[ServerSpec]) -> tuple[str, ...]:
    node = top.get("phase1_labels")
    if node is None:
        return ()
    labels = labels_of(node)
    if problem := no_machine_has(frozenset(labels), [spec.labels for spec in specs]):
        node.fail(f"{problem}; give the servers that may train base models that label")
    return labels


def _head_settings(top: Node, folder: Path) -> dict[str, Any]:
    found = ((key, top.get(key)) for key in _HEAD_KEYS)
    return {key: head_path(node, folder) for key, node in found if node is not None}


def _server(node: Node, shared: ServerSpec, folder: Path) -> ServerSpec:
    node.only_keys(SERVER_KEYS)
    host, gpus = host_of(node, "host"), gpu_ids(node)
    spec = with_login(node, host, shared_settings(node, shared, folder), folder)
    return replace(spec, agent=replace(spec.agent, gpus=gpus))


def _refuse_repeated(nodes: list[Node], specs: list[ServerSpec]) -> None:
    first: dict[tuple[object, ...], int] = {}
    for index, spec in enumerate(specs):
        address = spec.user, spec.host.lower(), spec.port or _SSH_PORT
        before = first.setdefault(address, index)
        if before == index:
            continue
        if spec.agent.gpus == specs[before].agent.gpus:
            nodes[index].fail(f"{spec.host} is listed twice, first as servers[{before}]: remove one")
        theirs, ours = (", ".join(each.agent.gpus) or "none" for each in (specs[before], spec))
        nodes[index].fail(
            f"{spec.host} is listed as servers[{before}] with GPUs {theirs} and here with GPUs {ours}:"
            " name all its GPUs in one entry"
        )


def _named(specs: list[ServerSpec]) -> Iterator[ServerSpec]:
    hosts = [spec.host.lower() for spec in specs]
    for spec, host in zip(specs, hosts, strict=True):
        user = f"{spec.user}@" if spec.user else ""
        port = f":{spec.port}" if spec.port else ""
        name = f"{user}{spec.host}{port}" if hosts.count(host) > 1 else spec.host
        yield replace(spec, name=name)
