"""What becomes of a job when the same command is given now."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PlannedJob:
    """A job of either phase."""

    job_id: str
    is_done: bool
    attempts: int
    """That earlier starts made."""
    command: str
    """As a shell would take it; `{device}` is for the worker to say."""
    cancelled: str = ""
    """Who cancelled it, and why: it is not going to run."""
    is_pruned: bool = False
    """Whether it was ended for doing worse than others: it goes on where it comes to be among the best."""
