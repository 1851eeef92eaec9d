"""Reads the pools of a cluster config: machines that an engine such as Slurm lends for a while."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from master.core.nearest import literal, shown
from master.core.quantities import TIMES, seconds
from master.intake.cluster_quantities import idle, whole
from master.intake.cluster_settings import SHARED_KEYS, shared_settings
from master.intake.machines.login import LOGIN_KEYS, host_of, with_login
from master.intake.machines.sbatch_options import sbatch_options
from master.intake.strict_json import Node
from master.specs import REACHES, PoolSpec, ServerSpec
from worker_agent.protocol.messages import AUTO

_OWN_KEYS = ("slurm", "name", *LOGIN_KEYS, "seats", "queued", "time", "idle", "reach", "options", "gpus")
POOL_KEYS = (*_OWN_KEYS, *SHARED_KEYS)

MOST_SEATS = 1000
_SHORTEST_S, _LONGEST_S = 60.0, 366 * 86400.0
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}", re.ASCII)
_USUAL_NAME = "slurm"


def pools_of(top: Node, shared: ServerSpec, folder: Path) -> tuple[PoolSpec, ...]:
    """Return the pools of a cluster config; `shared` has what holds for all machines.  Raises ConfigError."""
    node = top.get("pools")
    if node is None:
        return ()
    nodes = list(node.items())
    if not nodes:
        node.fail("must be a list of at least one object like {'slurm': 'login1', 'seats': 4, 'time': '4h'}")
    pools = tuple(_pool(each, shared, folder) for each in nodes)
    _refuse_repeated(nodes, pools)
    return pools


def refuse_taken(top: Node, pools: Sequence[PoolSpec], servers: Sequence[ServerSpec]) -> None:
    """Raise ConfigError where a server is called like a seat."""
    names = {server.name.lower() for server in servers}
    for index, pool in enumerate(pools):
        taken = next((seat.name for seat in pool.all_seats if seat.name.lower() in names), None)
        if taken:
            node = list((top.get("pools") or top).items())[index]
            node.fail(f"its seat {taken} is called like a server: give the pool another `name`")


def _pool(node: Node, shared: ServerSpec, folder: Path) -> PoolSpec:
    node.only_keys(POOL_KEYS)
    host = host_of(node, "slurm")
    spec = with_login(node, host, shared_settings(node, shared, folder), folder)
    if spec.state_dir.startswith("~") and not spec.state_dir.startswith("~/"):
        node.fail(f"`state_dir` is {shown(spec.state_dir)}, and must begin with / or ~/ where nodes use it")
    login = replace(spec, name=host, agent=replace(spec.agent, gpus=_gpus(node)))
    named = node.get("name")
    pool = PoolSpec(
        name=_name(named) if named else _name_of(host),
        login=login,
        seats=_required(node, "seats", "how many allocations there may be at once").integer(1, MOST_SEATS),
        time_s=_time(_required(node, "time", 'how long an allocation lasts, such as "4h"')),
    )
    given = ((field, read, node.get(key)) for key, field, read in _OPTIONAL)
    return replace(pool, **{field: read(found) for field, read, found in given if found is not None})


def _required(node: Node, key: str, meaning: str) -> Node:
    found = node.get(key)
    if found is None:
        node.fail(f"`{key}` is missing: {meaning}")
    return found


def _gpus(node: Node) -> list[str]:
    gpus, has_cpu_slots = node.get("gpus"), node.get("cpu_slots") is not None
    if gpus is None:
        return [] if has_cpu_slots else [AUTO]
    if type(gpus.value) is int and gpus.value == 0:
        return []
    if gpus.value != AUTO:
        gpus.fail(
            f'is {literal(gpus.value)}, allowed are "auto", which is all that an allocation gives, or 0;'
            " how many it is to give stands in `options`, such as --gres=gpu:4"
        )
    return [AUTO]


def _name(node: Node) -> str:
    text = node.string()
    if not _NAME.fullmatch(text):
        node.fail(f"{shown(text)} is not a name: allowed are a letter, then up to 39 letters, digits and _ -")
    return text


def _name_of(host: str) -> str:
    """Return what a pool is called that has no name of its own: as its login host, without the domain."""
    first = host.partition(".")[0]
    return first if _NAME.fullmatch(first) and host.lower() != "localhost" else _USUAL_NAME


def _time(node: Node) -> float:
    found = seconds(node.value)
    if found is None or not _SHORTEST_S <= found <= _LONGEST_S:
        node.fail(f"is {literal(node.value)}, allowed is, from a minute to a year, {TIMES}")
    return found


def _reach(node: Node) -> str:
    if node.value not in REACHES:
        node.fail(f"is {literal(node.value)}, allowed are {' and '.join(f'`{each}`' for each in REACHES)}")
    return node.string()


_OPTIONAL: tuple[tuple[str, str, Callable[[Node], Any]], ...] = (
    ("queued", "queued", whole(1, MOST_SEATS)),
    ("idle", "idle_s", idle),
    ("reach", "reach", _reach),
    ("options", "options", sbatch_options),
)
"""Keys with a default: the field of `PoolSpec`, and what reads it."""


def _refuse_repeated(nodes: Sequence[Node], pools: Sequence[PoolSpec]) -> None:
    counts = Counter(pool.name.lower() for pool in pools)
    for node, pool in zip(nodes, pools, strict=True):
        if counts[pool.name.lower()] > 1:
            node.fail(f"two pools are called {pool.name}: give each a `name` of its own")
