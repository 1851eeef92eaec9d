"""Reads the cluster config into frozen specs.  `docs/cluster_config.md` describes the file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from master.core.nearest import shown
from master.intake.cluster_gpus import GPU_KEYS, gpu_ids, gpu_settings
from master.intake.cluster_limits import LIMIT_KEYS, limits
from master.intake.cluster_paths import data_dirs, head_path, worker_path
from master.intake.strict_json import Document, Node, parse_document, read_document
from master.specs import ClusterSpec, ServerSpec

_PLACE_KEYS = ("python", "work_dir", "state_dir", "env", "cpu_slots", "data", "labels")
_SHARED_KEYS = (*_PLACE_KEYS, *LIMIT_KEYS, *GPU_KEYS)
_SERVER_KEYS = ("host", "user", "port", "ssh_key", "gpus", *_SHARED_KEYS)
_TOP_KEYS = ("$schema", "servers", "script_path", "ssh_config", "known_hosts", *_SHARED_KEYS)

_SSH_PORT = 22
_MOST_SLOTS = 1024
_HOST = re.compile(r"[\w:][\w.:%-]{0,252}")
_USER = re.compile(r"\w[\w.@\\+-]{0,99}")
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LABEL = re.compile(r"[\w.-]{1,100}", re.ASCII)
_AGENT_ENV = re.compile(r"TWOPHASE_.*|CUDA_VISIBLE_DEVICES|CUDA_DEVICE_ORDER")


def read_cluster(path: str | Path) -> ClusterSpec:
    """Read a cluster config file (JSON, or YAML by its ending).  Raises ConfigError."""
    return _cluster(read_document(path), Path(path).parent)


def parse_cluster(text: str, source: str = "cluster_config.json") -> ClusterSpec:
    """Read the text of a cluster config; relative paths are relative to the folder of `source`."""
    return _cluster(parse_document(text, source), Path(source).parent)


def _cluster(document: Document, folder: Path) -> ClusterSpec:
    top = document.root
    top.only_keys(_TOP_KEYS)
    shared = ServerSpec("", "", **_shared_settings(top, ServerSpec("", ""), folder))
    servers = top.get("servers")
    if servers is None or not servers.as_list():
        top.fail("`servers` must be a list of at least one object like {'host': 'lab1', 'gpus': 2}")
    nodes = list(servers.items())
    specs = [_server(node, shared, folder) for node in nodes]
    _refuse_repeated(nodes, specs)
    return ClusterSpec(servers=tuple(_named(specs)), **_head_settings(top, folder))


def _head_settings(top: Node, folder: Path) -> dict[str, str]:
    found = ((key, top.get(key)) for key in ("script_path", "ssh_config", "known_hosts"))
    return {key: head_path(node, folder) for key, node in found if node is not None}


def _server(node: Node, shared: ServerSpec, folder: Path) -> ServerSpec:
    node.only_keys(_SERVER_KEYS)
    user, port, ssh_key = (node.get(key) for key in ("user", "port", "ssh_key"))
    return ServerSpec(
        name="",
        host=_host(node),
        user=_user(user) if user else None,
        port=port.integer(1, 65535) if port else None,
        ssh_key=head_path(ssh_key, folder) if ssh_key else None,
        gpus=gpu_ids(node),
        **_shared_settings(node, shared, folder),
    )


def _host(server: Node) -> str:
    host = server.get("host")
    if host is None:
        server.fail("`host` is missing: the name or address that `ssh` takes, or localhost")
    text = host.string()
    if "@" in text:
        host.fail(f"{shown(text)} is not allowed: write the part before the @ as `user`")
    if not _HOST.fullmatch(text):
        host.fail(f"{shown(text)} is not a host: allowed are letters, digits and . : % - _, not - first")
    return text


def _user(node: Node) -> str:
    text = node.string()
    if not _USER.fullmatch(text):
        node.fail(f"{shown(text)} is not a user: allowed are letters, digits and . @ \\ + - _, not - first")
    return text


def _refuse_twice(node: Node, names: Iterable[str], kind: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            node.fail(f"{kind} {shown(name)} is listed twice")
        seen.add(name)


def _shared_settings(node: Node, above: ServerSpec, folder: Path) -> dict[str, Any]:
    """Return the settings that the top level and a server share, over those from `above`."""
    python, work_dir, state_dir = (node.get(key) for key in ("python", "work_dir", "state_dir"))
    cpu_slots, labels = node.get("cpu_slots"), node.get("labels")
    return {
        "python": _program(python) if python else above.python,
        "work_dir": worker_path(work_dir) if work_dir else above.work_dir,
        "state_dir": worker_path(state_dir) if state_dir else above.state_dir,
        "env": _env(node.get("env"), above.env),
        "cpu_slots": cpu_slots.integer(1, _MOST_SLOTS) if cpu_slots else above.cpu_slots,
        "data": data_dirs(node.get("data"), above.data, folder),
        "labels": _labels(labels) if labels else above.labels,
        **limits(node, above),
        **gpu_settings(node, above),
    }


def _program(node: Node) -> str:
    text = node.string()
    if text.startswith("-") or (" " in text and "/" not in text):
        node.fail(f"{shown(text)} is not a program: give a name or a path, such as ~/env/bin/python")
    return worker_path(node) if "/" in text else text


def _env(node: Node | None, above: Mapping[str, str]) -> Mapping[str, str]:
    given = dict(_env_members(node)) if node else {}
    return MappingProxyType({**above, **given})


def _env_members(node: Node) -> Iterator[tuple[str, str]]:
    for name, value in node.members():
        if not _ENV_NAME.fullmatch(name):
            value.fail(f"{shown(name)} is not a variable's name: allowed are letters, digits and _")
        if _AGENT_ENV.fullmatch(name):
            value.fail(f"{shown(name)} is set by the agent for each job and cannot be set here")
        if not isinstance(value.value, str) or "\0" in value.value:
            value.fail('must be a string: put the value in quotes, as in "1"')
        yield name, value.value


def _labels(node: Node) -> tuple[str, ...]:
    labels = tuple(item.string() for item in node.items())
    for item in node.items():
        if not _LABEL.fullmatch(item.value):
            item.fail(f"{shown(item.value)} is not a label: allowed are letters, digits and . _ -")
    _refuse_twice(node, labels, "label")
    return labels


def _refuse_repeated(nodes: list[Node], specs: list[ServerSpec]) -> None:
    first: dict[tuple[object, ...], int] = {}
    for index, spec in enumerate(specs):
        address = spec.user, spec.host.lower(), spec.port or _SSH_PORT
        before = first.setdefault(address, index)
        if before == index:
            continue
        if spec.gpus == specs[before].gpus:
            nodes[index].fail(f"{spec.host} is listed twice, first as servers[{before}]: remove one")
        theirs, ours = (", ".join(each.gpus) or "none" for each in (specs[before], spec))
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
