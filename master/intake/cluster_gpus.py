"""Reads the settings of the cluster config about GPUs."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from master.core.nearest import literal, shown
from master.core.quantities import SIZES, TIMES, seconds, size_bytes
from master.intake.strict_json import Node
from master.specs import ServerSpec
from worker_agent.protocol.messages import AUTO

GPU_KEYS = ("slots_per_gpu", "gpu_reserve", "gpu_idle_s")
_MOST_PER_GPU = 64
_MOST_GPUS = 1024
_GPU_ID = re.compile(r"\d+|(GPU|MIG)-[\w/-]+", re.ASCII)


def gpu_settings(node: Node, above: ServerSpec) -> dict[str, Any]:
    """Return how GPUs are shared, as the top level or a server sets it, over what is `above`."""
    slots, reserve, idle = (node.get(key) for key in GPU_KEYS)
    return {
        "slots_per_gpu": slots.integer(1, _MOST_PER_GPU) if slots else above.slots_per_gpu,
        "gpu_reserve": _reserve(reserve) if reserve else above.gpu_reserve,
        "gpu_idle_s": _idle(idle) if idle else above.gpu_idle_s,
    }


def gpu_ids(server: Node) -> tuple[str, ...]:
    """Return the ids of a server's GPUs, `auto` alone for all that there are.  Raises ConfigError."""
    gpus = server.get("gpus")
    if gpus is None:
        if server.get("cpu_slots") is None:
            server.fail('`gpus` is missing: "auto", their number, a list of their ids, or 0 for the CPUs')
        return ()
    if isinstance(gpus.value, str):
        if gpus.value != AUTO:
            gpus.fail(f'is {literal(gpus.value)}, allowed are "auto", a number, or a list of ids')
        return (AUTO,)
    if isinstance(gpus.value, list):
        ids = tuple(_gpu_id(item) for item in gpus.items())
        twice = [name for name, count in Counter(ids).items() if count > 1]
        if twice:
            gpus.fail(f"GPU {shown(twice[0])} is listed twice")
    else:
        ids = tuple(str(index) for index in range(gpus.integer(0, _MOST_GPUS)))
    if ids and server.get("cpu_slots") is not None:
        server.fail("`cpu_slots` is only for servers without GPUs: remove it, or set `gpus` to 0")
    return ids


def _gpu_id(node: Node) -> str:
    text = str(node.integer(0, _MOST_GPUS)) if not isinstance(node.value, str) else node.string()
    if not _GPU_ID.fullmatch(text):
        node.fail(f"{shown(text)} is not a GPU: allowed are indices and ids that begin with GPU- or MIG-")
    return str(int(text)) if text.isdigit() else text


def _reserve(node: Node) -> int:
    found = 0 if type(node.value) is int and node.value == 0 else size_bytes(node.value)
    if found is None:
        node.fail(f"is {literal(node.value)}, allowed is 0, {SIZES}")
    return found


def _idle(node: Node) -> float:
    found = 0.0 if type(node.value) in (int, float) and node.value == 0 else seconds(node.value)
    if found is None:
        node.fail(f"is {literal(node.value)}, allowed is 0, or {TIMES}")
    return found
