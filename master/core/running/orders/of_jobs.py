"""Orders about jobs, and about the run as a whole: plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from worker_agent.protocol.codec import Count


@dataclass(frozen=True)
class CancelJobs:
    """End these jobs and keep them ended, over restarts too, until a retry."""

    jobs: list[str]
    only: list[str] = field(default_factory=list)
    """States: a job that is in none of them by now is left alone.  Empty: in any."""


@dataclass(frozen=True)
class RetryJobs:
    """Try these jobs again, which failed, were cancelled or pruned, or are blocked."""

    jobs: list[str]
    only: list[str] = field(default_factory=list)
    """As of CancelJobs."""


@dataclass(frozen=True)
class SetPriority:
    """Let these jobs, which have not started, go before those of a lower priority."""

    jobs: list[str]
    priority: int
    only: list[str] = field(default_factory=list)
    """As of CancelJobs."""


@dataclass(frozen=True)
class SetAtOnce:
    """Run at most so many jobs at a time."""

    most: Count | None = None
    """None: as many as there is room for; 0: nothing more is started for now."""


@dataclass(frozen=True)
class SetNotify:
    """Tell people of the run, until this start of it ends."""

    addresses: str
    """A file of addresses on the head node, absolute: no address is in an order, or in a journal."""


@dataclass(frozen=True)
class AskedProgram:
    """What is to run jobs, as their user says; all empty: what runs those of the command."""

    script: str = ""
    """Path on the head node, absolute."""
    module: str = ""
    """As for `python -m`."""
    trainer: str = ""
    project_root: str = ""
    """The folder that travels as code, absolute."""
    flag_style: str = ""


@dataclass(frozen=True)
class AddJobs:
    """Take more jobs into the run."""

    path: str = ""
    """Of their file on the head node, absolute; empty: `text` says them."""
    text: str = ""
    """What they are, as JSON, with what the run's own file says of base models, if its program runs them."""
    ids: dict[str, str] = field(default_factory=dict)
    """`job_hash` → `job_id` of those that the run did not have; found out, as what follows."""
    inputs: dict[str, str] = field(default_factory=dict)
    """What only they see, by the name of a folder of their working directory: content hashes of directories
    in the run's state."""
    program: AskedProgram = field(default_factory=AskedProgram)
    name: str = ""
    """Of an addition with a program of its own; all jobs of one name have one program."""
    code: dict[str, Any] = field(default_factory=dict)
    """What is remembered of that program's snapshot."""
