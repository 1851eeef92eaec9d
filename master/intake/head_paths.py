"""Paths on the head node as the user gives them: relative, or with `~`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from master.errors import ConfigError
from master.specs import ClusterSpec, DataDir


def with_head_paths(cluster: ClusterSpec, source: str) -> ClusterSpec:
    """Return the cluster with every path on the head node absolute and `~` expanded.

    Raises ConfigError for data to copy that is no directory; `source` is the cluster config.
    """
    servers = tuple(
        replace(server, data=tuple(_on_head_node(item, source) for item in server.data))
        for server in cluster.servers
    )
    script = cluster.script_path and str(expanded(Path(cluster.script_path), source))
    return replace(cluster, servers=servers, script_path=script)


def _on_head_node(item: DataDir, source: str) -> DataDir:
    if not item.sync:
        return item
    path = expanded(Path(item.path), source)
    if not path.is_dir():
        problem = f"{path} is no directory of this machine: give the one to copy to the workers"
        raise ConfigError(source, f"data.{item.name}", problem)
    return replace(item, path=str(path))


def expanded(path: Path, source: str) -> Path:
    """Return a path of the user's as an absolute one.  Raises ConfigError for a `~` that nobody has."""
    try:
        return path.expanduser().absolute()
    except RuntimeError as error:
        raise ConfigError(source, "", f"{path}: there is no such home directory") from error


def files_of_secrets(config: Path | None, cluster: ClusterSpec) -> Iterator[Path]:
    """Yield files in which secrets may be: a cluster config has variables for jobs, too."""
    if config is not None:
        yield config
    if cluster.notify and cluster.notify.addresses:
        yield expanded(Path(cluster.notify.addresses), "notify")
    for server in cluster.servers:
        if server.env_file is not None:
            yield expanded(Path(server.env_file), "env_file")


def worker_folders(cluster: ClusterSpec) -> Iterator[Path]:
    """Yield where agents keep their files: on this machine too, as a worker or in a shared home directory."""
    for server in cluster.servers:
        for given in (server.state_dir, server.agent.work_dir):
            if given:
                folder = Path.home() / Path(os.path.expandvars(given)).expanduser()
                yield from (folder, folder / "agents")
                # Where the folder is that of a project too, what agents have made in it is not.
                yield from (found.parent for name in ("runs", "cache") for found in folder.glob(f"*/{name}"))
