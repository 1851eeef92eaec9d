"""The `notify` of a cluster config: who is told of a run away from its terminal."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from master.core.nearest import shown
from master.intake.cluster_paths import head_path
from master.intake.head_paths import expanded
from master.intake.secrets.private_file import check_private
from master.intake.strict_json import Node, refuse_twice
from master.specs import TOLD_OF, ClusterSpec, NotifySpec

NOT_HERE = (
    "an address may hold a password, and stands in no command and no config: write it into a file,"
    " `chmod 600` that, and give the name of the file"
)
_KEYS = ("addresses", "command", "on")


def notify_settings(node: Node, folder: Path) -> NotifySpec:
    """Return what `notify` says: the file of addresses, or an object.  Raises ConfigError."""
    if isinstance(node.value, str):
        return NotifySpec(_file(node, folder))
    node.only_keys(_KEYS)
    addresses, command, on = map(node.get, _KEYS)
    if addresses is None and command is None:
        node.fail("names nobody: give `addresses`, a file of them, or a `command`, a list of words")
    return NotifySpec(
        _file(addresses, folder) if addresses else None,
        _command(command, folder) if command else (),
        _events(on) if on else TOLD_OF,
    )


def _file(node: Node, folder: Path) -> str:
    if "://" in node.string():
        node.fail(NOT_HERE)
    return head_path(node, folder)


def _command(node: Node, folder: Path) -> tuple[str, ...]:
    first, *more = node.items() if node.as_list() else node.fail("must be a program and its arguments")
    text = first.string()
    # `Path` would make a mere name of `./told.sh`, and that is looked for elsewhere.
    is_here = "/" in text and not text.startswith(("/", "~"))
    program = f"{folder}/{text}" if is_here else text
    return (program, *(word.string() for word in more))


def _events(node: Node) -> tuple[str, ...]:
    events = tuple(item.string() for item in node.items())
    for item in node.items():
        if item.value not in TOLD_OF:
            item.fail(f"{shown(item.value)} is not known, allowed are {', '.join(TOLD_OF)}")
    refuse_twice(node, events, "event")
    return events


def with_notify(cluster: ClusterSpec, given: Path | None, source: str) -> ClusterSpec:
    """Return the cluster with the paths of its `notify` absolute; `given` is another file of addresses.

    Raises ConfigError for a file of addresses that others may read, or that is none.
    """
    spec, origin = cluster.notify, source
    if given is not None:
        spec, origin = replace(spec or NotifySpec(), addresses=str(given)), "--notify"
    if spec is None:
        return cluster
    if spec.addresses is not None:
        path = expanded(Path(spec.addresses), origin)
        check_private(path, "the addresses of `notify`")
        spec = replace(spec, addresses=str(path))
    if spec.command and "/" in spec.command[0]:
        program = str(expanded(Path(spec.command[0]), source))
        spec = replace(spec, command=(program, *spec.command[1:]))
    return replace(cluster, notify=spec)
