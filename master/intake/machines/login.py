"""How a machine is logged in to, as the cluster config says."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from master.core.nearest import shown
from master.intake.cluster_paths import head_path
from master.intake.strict_json import Node
from master.specs import ServerSpec

LOGIN_KEYS = ("user", "port", "ssh_key")

_HOST = re.compile(r"[\w:][\w.:%-]{0,252}")
_USER = re.compile(r"\w[\w.@\\+-]{0,99}")


def with_login(node: Node, host: str, spec: ServerSpec, folder: Path) -> ServerSpec:
    """Return `spec` with its host, and how that is logged in to.  Raises ConfigError."""
    user, port, ssh_key = (node.get(key) for key in LOGIN_KEYS)
    return replace(
        spec,
        host=host,
        user=_user(user) if user else None,
        port=port.integer(1, 65535) if port else None,
        ssh_key=head_path(ssh_key, folder) if ssh_key else None,
    )


def host_of(machine: Node, key: str) -> str:
    """Return the host that stands under a key of a machine.  Raises ConfigError."""
    host = machine.get(key)
    if host is None:
        machine.fail(f"`{key}` is missing: the name or address that `ssh` takes, or localhost")
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
