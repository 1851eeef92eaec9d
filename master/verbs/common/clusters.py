"""The cluster of a verb that needs no run: of the config that is named or lies here, else this machine."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from master.commands.options.usual_config import usual_config

if TYPE_CHECKING:
    from master.specs import ClusterSpec


def add_cluster_option(parser: argparse.ArgumentParser, what: str = "workers") -> None:
    """Add the option that names the config; `what` are those whom it lists."""
    config = f"the {what}, JSON or YAML (cluster_config.json where that is here, else this machine)"
    parser.add_argument("--cluster-config", type=Path, metavar="F", help=config)


def cluster_of(options: argparse.Namespace) -> tuple[ClusterSpec, Path | None]:
    """Return the cluster, and its config; None for this machine alone.

    Raises ConfigError for a config that cannot be read or is wrong.
    """
    from master.intake.cluster import read_cluster, this_machine

    config: Path | None = options.cluster_config or usual_config()
    return read_cluster(config) if config else this_machine(), config


def machines_in(options: argparse.Namespace) -> tuple[ClusterSpec, Path | None]:
    """Return what `cluster_of` does without the seats of pools: these are there for a run alone.

    Raises UsageError where nothing is left.
    """
    from master.core.planning.workers import machines_of
    from master.errors import UsageError

    cluster, config = cluster_of(options)
    machines = tuple(machines_of(cluster))
    if not machines:
        raise UsageError(f"{config} lists pools alone: their seats are machines while a run has them")
    return replace(cluster, servers=machines), config
