"""How an attempt ended, and what it left: the same from the agent's spool over the wire to the journal."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, List, Optional

from worker_agent.protocol.codec import Bytes, Count, ExitCode, RelativePath, Seconds, UnixTime, Word
from worker_agent.protocol.digests import FileDigest

NO_BASE_MODEL = "the script succeeded but left no base model"
"""How the error of a Phase 1 job begins whose script made nothing."""

OVER_LIMIT = "over its limit of "
"""How the error of a job begins that took more than it may; the limit's name follows, then a colon."""


class Outcome(Word):
    """How an attempt ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REQUEUE = "requeue"
    """The script asked for another try (exit code 75)."""
    TIMEOUT = "timeout"
    STALLED = "stalled"
    """It gave no sign of life for too long."""
    CANCELLED = "cancelled"
    LOST = "lost"
    """Agent, worker or GPU went down."""
    EVICTED = "evicted"
    """Its allocation ended: it is to go on elsewhere, from its checkpoint where it left one."""
    OUT_OF_MEMORY = "out_of_memory"
    """The memory of its GPU was not enough for it."""
    OVER_LIMIT = "over_limit"
    """It took more of the machine than its limits allow."""
    REFUSED = "refused"
    """It could not be started."""
    WORKER_FAULT = "worker_fault"
    """The worker is to blame: a full disk, a directory that is gone."""


@dataclass(frozen=True)
class BaseModelLeft:
    """The base model that a Phase 1 job made."""

    content_hash: str
    files: List[FileDigest]
    name: Optional[str] = None
    """Of its directory, where the script chose one."""


@dataclass(frozen=True)
class CheckpointLeft:
    """What an attempt that did not succeed left in `WorkLayout.checkpoints`, or why that is not to be had."""

    content_hash: Optional[str] = None
    """None where there is a problem."""
    files: List[FileDigest] = field(default_factory=list)
    problem: Optional[str] = None


@dataclass(frozen=True)
class LeftOut:
    """Something that a job left and that does not come home."""

    path: str
    """Below the working directory, or below `output/`."""
    reason: str


@dataclass(frozen=True)
class Finished:
    """How an attempt ended, as the detail of its last event."""

    outcome: Outcome
    exit_code: Optional[ExitCode] = None
    error: Optional[str] = None
    """What went wrong, for the user."""
    slot: Optional[str] = None
    started_at: Optional[UnixTime] = None
    """On the worker's clock."""
    duration_s: Optional[Seconds] = None
    peak_rss_bytes: Optional[Bytes] = None
    peak_gpu_bytes: Optional[Bytes] = None
    """The most GPU memory that its processes were seen with."""
    stderr_tail: str = ""
    """The end of the log of a failed attempt."""
    files: List[FileDigest] = field(default_factory=list)
    """Below the attempt's `output/`."""
    empty_folders: List[RelativePath] = field(default_factory=list)
    """There, too."""
    executable: List[RelativePath] = field(default_factory=list)
    """Which of the files that come inline can be executed."""
    left_out: List[LeftOut] = field(default_factory=list)
    log: Optional[FileDigest] = None
    """Of the log (`AttemptLayout.log`), None where it is empty."""
    inline: Optional[Dict[str, str]] = None
    """Base64 of all of `files` (and of the log, as the empty path) when they are small together."""
    base_model: Optional[BaseModelLeft] = None
    checkpoint: Optional[CheckpointLeft] = None
    executor: str = "process"
    """What really ran it …"""
    executor_note: str = ""
    """… and why, where that is not what was asked for."""
    left_running: List[str] = field(default_factory=list)
    """Commands of processes that outlived the script; they have been ended."""
    group: Optional[str] = None
    """Which group it trained in; None where it ran alone."""
    together: Optional[Count] = None
    """How many of that group, itself included, shared the slot when it began."""

    @property
    def succeeded(self) -> bool:
        """Return whether the job is done once what it left is home."""
        return self.outcome is Outcome.SUCCEEDED

    @property
    def can_go_on(self) -> bool:
        """Return whether the next attempt can go on from what this one left."""
        return self.checkpoint is not None and self.checkpoint.content_hash is not None
