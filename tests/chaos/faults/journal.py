"""What happens to the journal while no master is there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.chaos.evidence import Spoils
from tests.chaos.faults.kinds import kind
from tests.chaos.faults.rot import flip, one_of
from tests.chaos.place import Scene


@contextmanager
def no_master(scene: Scene) -> Iterator[None]:
    """Kill the master, and start it again after."""
    scene.place.master.kill()
    try:
        yield
    finally:
        scene.place.master.start()


def parts(scene: Scene) -> list[Path]:
    """Return the journal and what SQLite keeps beside it."""
    return sorted(scene.place.run.layout.state.glob("journal.sqlite*"))


@kind(Spoils.UNRECORDED, on_worker=False)
def journal_without_log(scene: Scene) -> None:
    """The master is killed, and the journal's write-ahead log is deleted."""
    with no_master(scene):
        for part in parts(scene)[1:]:
            part.unlink()


@kind(Spoils.UNRECORDED, on_worker=False)
def journal_rots(scene: Scene) -> None:
    """The master is killed, and a bit of the journal or of its log rots."""
    with no_master(scene):
        files = [part for part in parts(scene) if not part.name.endswith("-shm") and part.stat().st_size]
        flip(one_of(files, scene.draw, "journal"), scene.draw)


@kind(Spoils.UNRECORDED, on_worker=False)
def journal_cut(scene: Scene) -> None:
    """The master is killed, and the journal's log ends in the middle."""
    with no_master(scene):
        for part in parts(scene):
            if part.name.endswith("-wal") and (size := part.stat().st_size):
                with part.open("r+b") as stream:
                    stream.truncate(scene.draw.randrange(size))


@kind(Spoils.UNRECORDED, on_worker=False)
def journal_lost(scene: Scene) -> None:
    """The master is killed, and the journal is deleted."""
    with no_master(scene):
        for part in parts(scene):
            part.unlink()


@kind(Spoils.UNRECORDED, on_worker=False)
def journal_of_old(scene: Scene) -> Iterator[float]:
    """A copy of the journal is put back some seconds later."""
    kept = scene.place.root / "kept"
    with no_master(scene):
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir()
        for part in parts(scene):
            shutil.copy2(part, kept)
    yield scene.seconds(5, 20)
    with no_master(scene):
        for part in parts(scene):
            part.unlink()
        for part in kept.iterdir():
            shutil.copy2(part, scene.place.run.layout.state)
