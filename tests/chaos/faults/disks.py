"""Disks of workers that fill up, or are wiped under a living agent."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from pathlib import Path

from tests.chaos.evidence import Spoils
from tests.chaos.faults.kinds import kind
from tests.chaos.place import DISK_MB, Scene


@kind(Spoils.WORKER)
def fill_disk(scene: Scene) -> Iterator[float]:
    """Not a byte is left on the worker's disk."""
    filler = scene.station.disk / "filler"
    try:
        fill(filler)
        yield scene.seconds(2, 15)
    finally:
        filler.unlink(missing_ok=True)


def fill(filler: Path) -> None:
    """Write until there is no room."""
    try:
        with filler.open("wb", buffering=0) as stream:
            for size in (1024 * 1024, 4096):
                for _ in range(DISK_MB * 1024 * 1024 // size + 1):
                    stream.write(bytes(size))
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise


@kind(Spoils.WORKER)
def wipe_work(scene: Scene) -> None:
    """Somebody removes the directories of all jobs, and what is on its way to them."""
    empty(scene.station.work / "runs")


@kind(Spoils.WORKER)
def wipe_cache(scene: Scene) -> None:
    """Somebody removes what is in the cache."""
    empty(scene.station.cache)


@kind(Spoils.WORKER)
def wipe_disk(scene: Scene) -> None:
    """Somebody removes all that there is: state, cache, jobs, the agent's program."""
    empty(scene.station.disk)


def empty(folder: Path) -> None:
    """Remove what is in a folder, while others work in it."""
    for entry in list(folder.iterdir()) if folder.exists() else ():
        shutil.rmtree(entry, ignore_errors=True)
        if entry.exists() and not entry.is_dir():
            entry.unlink(missing_ok=True)
