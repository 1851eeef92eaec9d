"""Reads which GPUs of a server are used."""

from __future__ import annotations

import re

from master.core.nearest import literal, shown
from master.intake.strict_json import Node, refuse_twice
from worker_agent.protocol.messages import AUTO

_MOST_GPUS = 1024
_GPU_ID = re.compile(r"\d+|(GPU|MIG)-[\w/-]+", re.ASCII)


def gpu_ids(server: Node) -> list[str]:
    """Return the ids of a server's GPUs, `auto` alone for all that there are.  Raises ConfigError."""
    gpus, has_cpu_slots = server.get("gpus"), server.get("cpu_slots") is not None
    if gpus is None:
        if not has_cpu_slots:
            server.fail('`gpus` is missing: "auto", their number, a list of their ids, or 0 for the CPUs')
        return []
    if isinstance(gpus.value, str):
        return _word(gpus)
    ids = _listed(gpus) if isinstance(gpus.value, list) else _numbered(gpus)
    if ids and has_cpu_slots:
        server.fail("`cpu_slots` is only for servers without GPUs: remove it, or set `gpus` to 0")
    return ids


def _word(gpus: Node) -> list[str]:
    if gpus.value != AUTO:
        gpus.fail(f'is {literal(gpus.value)}, allowed are "auto", a number, or a list of ids')
    return [AUTO]


def _listed(gpus: Node) -> list[str]:
    ids = [_gpu_id(item) for item in gpus.items()]
    refuse_twice(gpus, ids, "GPU")
    return ids


def _numbered(gpus: Node) -> list[str]:
    return [str(index) for index in range(gpus.integer(0, _MOST_GPUS))]


def _gpu_id(node: Node) -> str:
    text = str(node.integer(0, _MOST_GPUS)) if not isinstance(node.value, str) else node.string()
    if not _GPU_ID.fullmatch(text):
        node.fail(f"{shown(text)} is not a GPU: allowed are indices and ids that begin with GPU- or MIG-")
    return str(int(text)) if text.isdigit() else text
