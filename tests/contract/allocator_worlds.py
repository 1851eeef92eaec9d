"""The engines that the contract of allocators is checked on."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from master.adapters.allocators.allocator import AllocationRefused, Allocator
from master.adapters.allocators.pilots import Pilot
from master.adapters.allocators.slurm.slurm_allocator import SlurmAllocator
from master.adapters.local_session import LocalSession
from master.adapters.session import Session
from master.specs import PoolSpec, ServerSpec
from tests.support.fake_allocator import FakeAllocator, FakeEngine
from tests.support.slurm import LocalSlurm

SEATS = 3
"""One more than there are nodes."""
_RUNS = itertools.count()


@dataclass
class AllocatorWorld:
    """An engine of two nodes, of each of which an allocation takes the whole."""

    make: Callable[[str], Allocator]
    """Takes what is not to be had, "" for what is; each is an allocator of the same run."""
    another_run: Callable[[], Allocator]
    go_away: Callable[[], None]
    """The engine answers nothing …"""
    come_back: Callable[[], None]
    """… and does again."""
    come_through: Callable[[str], str]
    """A submission for a seat comes through of which nobody has heard; returns its id."""
    alive: Callable[[], list[str]]
    """Which allocations of the run have not ended."""


@contextmanager
def fake_engine() -> Iterator[AllocatorWorld]:
    """A queue in memory."""
    engine = FakeEngine()

    def make(lacking: str) -> Allocator:
        if not lacking:
            return FakeAllocator(engine, "one")
        return FakeAllocator(FakeEngine(refusal=AllocationRefused("hpc", lacking, "ask for less")), "one")

    yield AllocatorWorld(
        make,
        lambda: FakeAllocator(engine, "two"),
        lambda: setattr(engine, "is_away", True),
        lambda: setattr(engine, "is_away", False),
        lambda seat: engine.take("one", seat),
        lambda: engine.alive("one"),
    )


@contextmanager
def slurm_engine(slurm: LocalSlurm, folder: Path) -> Iterator[AllocatorWorld]:
    """A real Slurm, by its programs on this machine."""
    run, other = (f"{os.getpid() % 10000:04}{next(_RUNS) % 100:02}{letter}x" for letter in "ab")
    path_before = os.environ["PATH"]
    os.environ["PATH"] = slurm.path

    def make(lacking: str, name: str = run) -> Allocator:
        options = ("--exclusive", *([f"--partition={lacking}"] if lacking else []))
        return slurm_allocator(options, folder, name)

    try:
        yield AllocatorWorld(
            make,
            lambda: make("", other),
            slurm.stop_controller,
            lambda: (slurm.start_controller(), slurm.wait_for_controller())[-1],
            lambda seat: make("").submit(seat),
            lambda: [number for number, name in _named(slurm) if f"-{run}-" in name],
        )
    finally:
        os.environ["PATH"] = path_before
        if slurm.jobs():
            slurm.command("scancel", *slurm.jobs())


def _named(slurm: LocalSlurm) -> list[list[str]]:
    return [line.split(maxsplit=1) for line in slurm.command("squeue", "-h", "-o", "%i %j").splitlines()]


def slurm_allocator(options: tuple[str, ...], folder: Path, run_id: str) -> SlurmAllocator:
    """Return an allocator whose pilots do nothing."""
    pool = PoolSpec("hpc", ServerSpec("localhost", "localhost"), SEATS, 1800.0, options=options)

    def pilot(session: Session, seat: str) -> Pilot:
        return Pilot(("sleep", "600"), str(folder / seat), "agent.log")

    return SlurmAllocator(replace(pool), LocalSession, run_id, pilot)
