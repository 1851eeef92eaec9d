"""What becomes of a job when the same command is given now."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PlannedTask:
    """A job of either phase."""

    task_id: str
    is_done: bool
    attempts: int
    """That earlier starts made."""
    command: str
    """As a shell would take it; `{device}` is for the worker to say."""
