"""What processes of this machine have used, and where they come from, as `/proc` tells."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def seconds_of_tree(root: int) -> float:
    """Return the seconds of cores that a process and all that came from it have used, ended ones too.

    What has ended counts for whoever waited for it.
    """
    stats = {int(entry.name): _stat(entry) for entry in Path("/proc").iterdir() if entry.name.isdigit()}
    tree, more = {root}, True
    while more:
        found = {pid for pid, fields in stats.items() if fields and int(fields[1]) in tree} - tree
        tree, more = tree | found, bool(found)
    # Of the fields behind the name, in this order: user and system time, and both of children waited for.
    return sum(sum(map(int, stats[pid][11:15])) for pid in tree if stats.get(pid)) / _TICKS


def _stat(process: Path) -> list[str]:
    """Return the fields behind a process's name; none for one that is gone."""
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
