"""Reads which GPUs of a server are used."""

from __future__ import annotations

import re
from collections import Counter

from master.core.nearest import literal, shown
from master.intake.strict_json import Node
from worker_agent.protocol.messages import AUTO

_MOST_GPUS = 1024
_GPU_ID = re.compile(r"\d+|(GPU|MIG)-[\w/-]+", re.ASCII)


def gpu_ids(server: Node) -> list[str]:
    """Return the ids of a server's GPUs, `auto` alone for all that there are.  Raises ConfigError."""
    gpus = server.get("gpus")
    if gpus is None:
        if server.get("cpu_slots") is None:
            server.fail('`gpus` is missing: "auto", their number, a list of their ids, or 0 for the CPUs')
        return []
    if isinstance(gpus.value, str):
        if gpus.value != AUTO:
            gpus.fail(f'is {literal(gpus.value)}, allowed are "auto", a number, or a list of ids')
        return [AUTO]
    if isinstance(gpus.value, list):
        ids = [_gpu_id(item) for item in gpus.items()]
        twice = [name for name, count in Counter(ids).items() if count > 1]
        if twice:
            gpus.fail(f"GPU {shown(twice[0])} is listed twice")
    else:
        ids = [str(index) for index in range(gpus.integer(0, _MOST_GPUS))]
    if ids and server.get("cpu_slots") is not None:
        server.fail("`cpu_slots` is only for servers without GPUs: remove it, or set `gpus` to 0")
    return ids


def _gpu_id(node: Node) -> str:
    text = str(node.integer(0, _MOST_GPUS)) if not isinstance(node.value, str) else node.string()
    if not _GPU_ID.fullmatch(text):
        node.fail(f"{shown(text)} is not a GPU: allowed are indices and ids that begin with GPU- or MIG-")
    return str(int(text)) if text.isdigit() else text
