"""What running attempts say of themselves, as an event."""

from __future__ import annotations

from dataclasses import dataclass

from worker_agent.protocol.reports import Said


@dataclass(frozen=True)
class AttemptSpoke:
    """An attempt that runs told how far it has come.  Many of these get lost."""

    at: float
    worker: str
    job_id: str
    attempt: int
    said: Said
