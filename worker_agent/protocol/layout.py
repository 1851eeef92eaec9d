"""Every path on a worker.  No other module spells one."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Iterator, Tuple


def attempt_name(job_id: str, attempt: int) -> str:
    """Return the directory name of an attempt; job ids hold no comma."""
    return f"{job_id.replace('/', ',')}.{attempt}"


def named_attempt(name: str) -> Tuple[str, int]:
    """Return job id and attempt of a directory name.  Raises ValueError where it is none of an attempt."""
    job, _, attempt = name.rpartition(".")
    return job.replace(",", "/"), int(attempt)


@dataclass(frozen=True)
class StateLayout:
    """Small files of one run's agent: `<state_dir>/<hostname>/runs/<run_id>/`.

    The host's name is in the path because home directories are often shared between machines.
    """

    state_dir: Path
    hostname: str
    run_id: str

    @property
    def root(self) -> Path:
        return self.state_dir / self.hostname / "runs" / self.run_id

    @property
    def spool(self) -> Path:
        return self.root / "spool.jsonl"

    @property
    def lock(self) -> Path:
        """Held by the running agent."""
        return self.root / "agent.lock"

    @property
    def log(self) -> Path:
        return self.root / "agent.log"

    @property
    def default_work_dir(self) -> Path:
        return self.state_dir / self.hostname / "work"

    @property
    def socket(self) -> Path:
        """On a local disk and short: Unix sockets allow 107 bytes and no network file system."""
        key = hashlib.sha256(os.fsencode(str(self.root))).hexdigest()[:16]
        return Path(tempfile.gettempdir(), f"twophase-{os.getuid()}", f"{key}.sock")


def agent_path(state_dir: str, digest: str) -> str:
    """Return where the master puts the agent of a digest."""
    return f"{state_dir.rstrip('/')}/agents/agent-{digest}.pyz"


def slot_lock_dir() -> Path:
    """One lock a slot for all users and runs of this machine: never below TMPDIR."""
    return Path(os.environ.get("TWOPHASE_SLOT_DIR") or "/tmp/twophase-slots")


@dataclass(frozen=True)
class AttemptLayout:
    """The files of one attempt."""

    root: Path

    @cached_property
    def work(self) -> Path:
        """The fresh working directory."""
        return self.root / "work"

    @cached_property
    def output(self) -> Path:
        return self.root / "output"

    @cached_property
    def base_model(self) -> Path:
        """Where Phase 1 writes."""
        return self.root / "base_model"

    @cached_property
    def log_folder(self) -> Path:
        return self.root / "log"

    @cached_property
    def log(self) -> Path:
        """Standard output and error of the job; in a directory of its own so that it can be pulled alone."""
        return self.log_folder / "log.txt"

    @property
    def log_head(self) -> Path:
        """The beginning of a log that had to be emptied …"""
        return self.root / "log.head"

    @property
    def log_tail(self) -> Path:
        """… and what it ended with then."""
        return self.root / "log.tail"

    @property
    def log_fresh(self) -> Path:
        """A log that is being put together."""
        return self.root / "log.fresh"

    @cached_property
    def progress(self) -> Path:
        return self.root / "progress.jsonl"


@dataclass(frozen=True)
class WorkLayout:
    """Big files of a worker: shared by all runs but for `runs/`."""

    work_dir: Path

    def cached(self, content_hash: str) -> Path:
        """An artefact, verified."""
        return self.work_dir / "cache" / content_hash

    @property
    def cache_lock(self) -> Path:
        return self.work_dir / "cache.lock"

    @property
    def leases(self) -> Path:
        """What the agents of which runs use of the cache, a file a run.

        The name on disk is older than the word: agents of different versions share the cache.
        """
        return self.work_dir / "users"

    def evicted(self, run_id: str) -> Path:
        """What a run's agent has removed from the cache, until it is deleted."""
        return self.run(run_id) / "evicted"

    def unreleased(self) -> Iterator[AttemptLayout]:
        """Yield the attempts of all runs that are still here."""
        return map(AttemptLayout, (self.work_dir / "runs").glob("*/attempts/*"))

    def incoming(self, run_id: str, content_hash: str) -> Path:
        """An artefact on its way: two runs that send the same one must not write into each other's copy."""
        return self.run(run_id) / "incoming" / content_hash

    def set_aside(self, content_hash: str) -> Path:
        """An artefact that was not what its hash says."""
        return self.work_dir / "set_aside" / content_hash

    def run(self, run_id: str) -> Path:
        return self.work_dir / "runs" / run_id

    def attempt(self, run_id: str, job_id: str, attempt: int) -> AttemptLayout:
        return AttemptLayout(self.attempts(run_id) / attempt_name(job_id, attempt))

    def attempts(self, run_id: str) -> Path:
        """The directories of all attempts of a run."""
        return self.run(run_id) / "attempts"

    def checkpoints(self, run_id: str, job_id: str, attempt: int) -> Path:
        """What an attempt writes to go on from; the next one takes it over."""
        return self.all_checkpoints(run_id) / attempt_name(job_id, attempt)

    def all_checkpoints(self, run_id: str) -> Path:
        return self.run(run_id) / "checkpoints"
