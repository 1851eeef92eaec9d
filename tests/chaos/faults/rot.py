"""Bits that flip: in caches, in the store, in results, in an agent's memory."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from tests.chaos.evidence import Spoils
from tests.chaos.faults.kinds import kind
from tests.chaos.place import AGENT, NothingToHitError, Scene


def flip(path: Path, draw: random.Random, *, unseen: bool = False) -> None:
    """Flip a bit of a file; `unseen` puts its times back, as rot on a disk leaves them."""
    stat = path.stat()
    if not stat.st_size:
        raise NothingToHitError(f"{path} is empty")
    with path.open("r+b") as stream:
        place = draw.randrange(stat.st_size)
        stream.seek(place)
        byte = stream.read(1)[0]
        stream.seek(place)
        stream.write(bytes([byte ^ (1 << draw.randrange(8))]))
    if unseen:
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def one_of(paths: Sequence[Path], draw: random.Random, what: str) -> Path:
    """Choose a file.  Raises NothingToHitError where there is none."""
    if not paths:
        raise NothingToHitError(f"no {what}")
    return draw.choice(sorted(paths))


@kind(rots=True)
def flip_cached(scene: Scene) -> None:
    """A bit of a cached base model is written over."""
    flip(_cached(scene), scene.draw)


@kind(rots=True)
def rot_cached(scene: Scene) -> None:
    """A bit of a cached base model rots: size and times are as they were."""
    flip(_cached(scene), scene.draw, unseen=True)


def _cached(scene: Scene) -> Path:
    return one_of(list(scene.station.cache.glob("*/base.*")), scene.draw, "cached base model")


@kind(Spoils.STORE, on_worker=False)
def rot_stored(scene: Scene) -> None:
    """A bit of a base model at home rots."""
    store = scene.place.run.layout.base_models
    flip(one_of(list(store.glob("*/base.*")), scene.draw, "base model at home"), scene.draw, unseen=True)


@kind(Spoils.WORKER)
def rot_results(scene: Scene) -> Iterator[float]:
    """A bit of each result that waits for its master, which stands still, rots."""
    with scene.place.master.stopped():
        yield scene.seconds(3, 8)
        waiting = [
            folder / "output" / "payload.bin" for folder in _ended(scene.station.runs, scene.station.work)
        ]
        for path in waiting:
            with suppress(FileNotFoundError):
                flip(path, scene.draw)
    if not waiting:
        raise NothingToHitError("no result that waits")


def _ended(spools: Path, work: Path) -> Iterator[Path]:
    """Yield the directories of attempts whose agent has told how they ended."""
    for spool in spools.glob("*/spool.jsonl"):
        told = {name for line in spool.read_text(errors="replace").splitlines() for name in _finished(line)}
        attempts = work / "runs" / spool.parent.name / "attempts"
        yield from (folder for folder in attempts.glob("*") if folder.name in told)


def _finished(line: str) -> Iterator[str]:
    with suppress(ValueError, KeyError, TypeError):
        body = json.loads(line)["body"]
        if body["kind"] == "finished":
            yield f"{body['job_id'].replace('/', ',')}.{body['attempt']}"


@kind(Spoils.WORKER)
def rot_spool(scene: Scene) -> None:
    """The agent is killed, and a bit of its memory on disk rots before the next one reads it."""
    spool = one_of(list(scene.station.runs.glob("*/spool.jsonl")), scene.draw, "spool")
    scene.station.kill(AGENT)
    flip(spool, scene.draw)
