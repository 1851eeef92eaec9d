"""The settings that the cluster config may give for all servers or for one: one table of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from master.core.nearest import literal, shown
from master.intake import cluster_environment
from master.intake.cluster_paths import data_dirs, head_path, worker_path
from master.intake.cluster_quantities import grace, idle, limits, reserve, size, whole
from master.intake.strict_json import Node, refuse_twice
from master.specs import ServerSpec
from worker_agent.protocol.messages import BY_INDEX, BY_UUID, LEAST_LOG_BYTES
from worker_agent.protocol.terms import MOST_ON_A_GPU, MOST_SLOTS

_LABEL = re.compile(r"[\w.-]{1,100}", re.ASCII)

_Reader = Callable[[Node, Any, Path], Any]
"""From what is given, what stands above it, and the folder of relative paths, to the setting.

Raises ConfigError."""


@dataclass(frozen=True)
class SharedSetting:
    """A key that may stand at the top level and in a server, where it takes precedence."""

    key: str
    read: _Reader
    field: str
    """The field of `ServerSpec`, or of the agent's `Settings`, that holds it."""


def shared_settings(node: Node, above: ServerSpec, folder: Path) -> ServerSpec:
    """Return `above` with the settings that stand in `node` over its own.  Raises ConfigError."""
    own = _given(node, OF_SERVER, above, folder)
    agent = replace(above.agent, **_given(node, OF_AGENT, above.agent, folder))
    return replace(above, agent=agent, **own)


def _given(node: Node, settings: Sequence[SharedSetting], above: object, folder: Path) -> dict[str, Any]:
    found = ((setting, node.get(setting.key)) for setting in settings)
    return {
        setting.field: setting.read(given, getattr(above, setting.field), folder)
        for setting, given in found
        if given is not None
    }


def _setting(key: str, read: Callable[[Node], Any], field: str = "") -> SharedSetting:
    """Return a setting that takes the place of the one above it."""
    return SharedSetting(key, lambda node, above, folder: read(node), field or key)


def _program(node: Node) -> str:
    text = node.string()
    if text.startswith("-") or (" " in text and "/" not in text):
        node.fail(f"{shown(text)} is not a program: give a name or a path, such as ~/env/bin/python")
    return worker_path(node) if "/" in text else text


def labels_of(node: Node) -> tuple[str, ...]:
    """Return a list of labels.  Raises ConfigError."""
    labels = tuple(item.string() for item in node.items())
    for item in node.items():
        if not _LABEL.fullmatch(item.value):
            item.fail(f"{shown(item.value)} is not a label: allowed are letters, digits and . _ -")
    refuse_twice(node, labels, "label")
    return labels


def _visible(node: Node) -> str:
    if node.value not in (BY_INDEX, BY_UUID):
        node.fail(f"is {literal(node.value)}, allowed are `{BY_INDEX}` and `{BY_UUID}`")
    return node.string()


OF_SERVER = (
    _setting("python", _program),
    _setting("state_dir", worker_path),
    SharedSetting("data", data_dirs, "data"),
    SharedSetting("env_from", cluster_environment.env_from, "env_from"),
    SharedSetting("env_file", lambda node, above, folder: head_path(node, folder), "env_file"),
    _setting("labels", labels_of),
    SharedSetting("limits", limits, "limits"),
)
"""What the master makes of a server."""

OF_AGENT = (
    _setting("work_dir", worker_path),
    SharedSetting("env", cluster_environment.env, "env"),
    _setting("setup", cluster_environment.setup),
    _setting("cpu_slots", whole(1, MOST_SLOTS)),
    _setting("slots_per_gpu", whole(1, MOST_ON_A_GPU)),
    _setting("visible_gpus", _visible),
    _setting("gpu_reserve", reserve),
    _setting("gpu_idle_s", idle),
    _setting("kill_grace_s", grace),
    _setting("log_limit", size(LEAST_LOG_BYTES), "log_limit_bytes"),
    _setting("checkpoint_limit", size(1), "checkpoint_limit_bytes"),
    _setting("cache_limit", size(1), "cache_limit_bytes"),
)
"""What its agent is told."""

SHARED_KEYS = tuple(setting.key for setting in (*OF_SERVER, *OF_AGENT))
