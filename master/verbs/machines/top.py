"""`twophase top`: GPUs, cores, memory, disks and slots of all machines, with or without a run."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from queue import Empty
from typing import TYPE_CHECKING, Any

from master.commands.frame import Command
from master.commands.options.flag_types import number_of_seconds
from master.commands.options.parser import new_parser
from master.verbs.common.clusters import add_cluster_option, machines_in

if TYPE_CHECKING:
    from master.runs.usage.machines import Looked, MachineWatch
    from master.specs import ClusterSpec
    from master.verbs.common.added_workers import Machines

NAME = "top"
NOT_ALL = 1
PATIENCE_S = 60.0
"""For the first look at every machine."""
_EVERY_S = 3.0
_DESCRIPTION = """\
Show what is in use on every machine of the cluster config, by whomever: GPUs with how busy they are, their
memory and whose processes are on them, cores, memory, disks, and how many slots agents of all runs and users
have.  Needs no run and no master, and changes nothing there.  On a terminal it goes on until Ctrl-C."""
_EPILOG = """\
exit codes:
  0 done                  1 with --once or --json: a machine could not be looked at
  2 wrong words           3 the cluster config is wrong

examples:
  twophase top
  twophase top --once | grep gpu
  twophase top --json | jq '[.machines[].gpus[]? | select(.utilization_percent < 5)] | length'"""


def main(words: Sequence[str]) -> int:
    """Show the machines and return the exit code."""
    return Command(f"twophase {NAME}").run(lambda: _show(parser().parse_args(words)))


def parser() -> argparse.ArgumentParser:
    """Return the parser."""
    result = new_parser(f"twophase {NAME}", _DESCRIPTION, _EPILOG, allow_abbrev=False)
    add = result.add_argument
    add_cluster_option(result, "machines")
    run = "show the workers too that were added to the run in this directory (here, without --cluster-config)"
    add("--run", type=Path, metavar="DIR", help=run)
    add(
        "--every",
        type=number_of_seconds,
        default=_EVERY_S,
        metavar="S",
        help=f"seconds between looks ({_EVERY_S:g})",
    )
    add("--once", action="store_true", help="look once; so it is where the output is no terminal")
    add("--json", action="store_true", help="look once: one JSON object (docs/verbs.schema.json)")
    return result


def _show(options: argparse.Namespace) -> int:
    from master.runs.usage.machines import MachineWatch

    machines = machines_of(options)
    cluster = machines.cluster
    is_once = options.once or options.json or not sys.stdout.isatty()
    watch = MachineWatch(cluster, options.every, machines.connect)
    try:
        return _once(cluster, watch, as_json=options.json) if is_once else _live(cluster, watch)
    except KeyboardInterrupt:
        return 0
    finally:
        watch.close()


def machines_of(options: argparse.Namespace) -> Machines:
    """Return what is looked at: another config than the one that lies here is of another run, or of none."""
    from master.verbs.common.added_workers import Machines, with_added

    cluster, _ = machines_in(options)
    run = Path() if options.run is None and options.cluster_config is None else options.run
    return with_added(cluster, run) if run is not None else Machines(cluster)


def _once(cluster: ClusterSpec, watch: MachineWatch, *, as_json: bool) -> int:
    found = first_looks(cluster, watch, PATIENCE_S)
    if as_json:
        print(json.dumps({"machines": [machine_json(each) for each in found]}, indent=1))
    else:
        from master.verbs.common.columns import terminal_width
        from master.view.answers.machine_lines import machine_lines

        width = terminal_width() or sys.maxsize
        print("\n".join(line.plain for line in machine_lines(found, width)))
    return 0 if all(each.machine for each in found) else NOT_ALL


def first_looks(cluster: ClusterSpec, watch: MachineWatch, patience_s: float) -> list[Looked]:
    """Return the first look at every machine, in the order of the cluster config."""
    from master.runs.usage.machines import Looked

    found: dict[str, Looked] = {}
    deadline = time.monotonic() + patience_s
    while len(found) < len(cluster.servers):
        try:
            looked = watch.seen.get(timeout=max(0.0, deadline - time.monotonic()))
        except Empty:
            break
        found.setdefault(looked.worker, looked)
    late = f"has not answered for {patience_s:g} s"
    return [found.get(server.name) or Looked(server.name, None, late) for server in cluster.servers]


def machine_json(looked: Looked) -> dict[str, Any]:
    """Return a machine as it is published."""
    told = asdict(looked.machine) if looked.machine else {}
    # A problem with its GPUs is the machine's.
    problem = told.pop("problem", "") or looked.problem
    return {"worker": looked.worker, "problem": problem or None, **_NOTHING, **told}


_NOTHING: dict[str, Any] = {
    "hostname": None,
    "cores": None,
    "load": None,
    "cpu_percent": None,
    "memory_used_bytes": None,
    "memory_bytes": None,
    "disks": [],
    "gpus": [],
    "slots": None,
    "slots_taken": None,
}


def _live(cluster: ClusterSpec, watch: MachineWatch) -> int:
    from rich.console import Console, Group
    from rich.live import Live

    from master.runs.usage.machines import Looked
    from master.view.answers.machine_lines import machine_lines

    found = {server.name: Looked(server.name, None) for server in cluster.servers}
    console = Console(highlight=False, markup=False, emoji=False)
    with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
        while True:
            live.update(Group(*machine_lines(found.values(), console.width)), refresh=True)
            looked = watch.seen.get()
            found[looked.worker] = looked
            while not watch.seen.empty():
                looked = watch.seen.get()
                found[looked.worker] = looked
