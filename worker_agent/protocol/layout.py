"""Every path on a worker.  No other module spells one."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
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
    """Of a seat its own name: its next allocation may be on another machine, and goes on there."""
    run_id: str
    in_allocation: bool = False
    """Whether the machine is lent by an engine such as Slurm."""

    @property
    def of_host(self) -> Path:
        """For this user alone; what is above it he may have for other things."""
        return self.state_dir / self.hostname

    @property
    def root(self) -> Path:
        return self.of_host / "runs" / self.run_id

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
    def exits(self) -> Path:
        """How those jobs ended whose agent had gone."""
        return self.root / "exits.jsonl"

    @property
    def default_work_dir(self) -> Path:
        return self.of_host / "work"

    @property
    def socket(self) -> Path:
        """On a local disk and short: Unix sockets allow 107 bytes and no network file system."""
        return self._local / f"{self._key}.sock"

    @property
    def slot_locks(self) -> Path:
        """Those of the machine; in an allocation its own, for what is lent to us is nobody else's."""
        return self._local / f"{self._key}.slots" if self.in_allocation else slot_lock_dir()

    @property
    def _key(self) -> str:
        return hashlib.sha256(os.fsencode(str(self.root))).hexdigest()[:16]

    @property
    def _local(self) -> Path:
        # Steps of one allocation may have been given different values of TMPDIR.
        return Path("/tmp" if self.in_allocation else tempfile.gettempdir(), f"twophase-{os.getuid()}")


def agent_path(state_dir: str, digest: str) -> str:
    """Return where the master puts the agent of a digest."""
    return f"{state_dir.rstrip('/')}/agents/agent-{digest}.pyz"


def slot_lock_dir() -> Path:
    """One lock a slot for all users and runs of this machine: never below TMPDIR."""
    return Path(os.environ.get("TWOPHASE_SLOT_DIR") or "/tmp/twophase-slots")


@dataclass(frozen=True)
class AttemptLayout:
    """The files of one attempt, as text: to make a `Path` of each costs a short job a tenth of its time."""

    root: str

    @property
    def work(self) -> str:
        """The fresh working directory."""
        return f"{self.root}/work"

    @property
    def output(self) -> str:
        """What comes home."""
        return f"{self.root}/output"

    @property
    def base_model(self) -> str:
        """Where Phase 1 writes."""
        return f"{self.root}/base_model"

    @property
    def log_folder(self) -> str:
        """Holds the log alone, so that it can be pulled alone."""
        return f"{self.root}/log"

    @property
    def log(self) -> str:
        """Standard output and error of the job."""
        return f"{self.root}/log/log.txt"

    @property
    def log_head(self) -> str:
        """The beginning of a log that had to be emptied …"""
        return f"{self.root}/log.head"

    @property
    def log_tail(self) -> str:
        """… and what it ended with then."""
        return f"{self.root}/log.tail"

    @property
    def log_fresh(self) -> str:
        """A log that is being put together."""
        return f"{self.root}/log.fresh"

    @property
    def progress(self) -> str:
        """What the script says of itself, a JSON object a line."""
        return f"{self.root}/progress.jsonl"


PUSHED = "pushed"
"""In the place of a run: artefacts on their way that somebody sends for later ones."""


@dataclass(frozen=True)
class WorkLayout:
    """Big files of a worker: shared by all runs but for `runs/`."""

    work_dir: Path

    @property
    def cache(self) -> Path:
        return self.work_dir / "cache"

    def cached(self, content_hash: str) -> Path:
        """An artefact, verified."""
        return self.cache / content_hash

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
        return map(AttemptLayout, map(str, (self.work_dir / "runs").glob("*/attempts/*")))

    def incoming(self, run_id: str, content_hash: str) -> Path:
        """An artefact on its way: two runs that send the same one must not write into each other's copy."""
        return self.run(run_id) / "incoming" / content_hash

    def set_aside(self, content_hash: str) -> Path:
        """An artefact that was not what its hash says."""
        return self.work_dir / "set_aside" / content_hash

    def run(self, run_id: str) -> Path:
        return self.work_dir / "runs" / run_id

    def attempt(self, run_id: str, job_id: str, attempt: int) -> AttemptLayout:
        return AttemptLayout(f"{self.attempts(run_id)}/{attempt_name(job_id, attempt)}")

    def attempts(self, run_id: str) -> Path:
        """The directories of all attempts of a run."""
        return self.run(run_id) / "attempts"

    def checkpoints(self, run_id: str, job_id: str, attempt: int) -> Path:
        """What an attempt writes to go on from; the next one takes it over."""
        return self.all_checkpoints(run_id) / attempt_name(job_id, attempt)

    def all_checkpoints(self, run_id: str) -> Path:
        return self.run(run_id) / "checkpoints"
