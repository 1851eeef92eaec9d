"""Ends of attempts, written as an agent says them."""

from __future__ import annotations

from typing import Any

from worker_agent.protocol.codec import parse
from worker_agent.protocol.outcome import Finished


def finished(outcome: str = "succeeded", **said: Any) -> Finished:
    """Return how an attempt ended; `said` are fields as they are in JSON.  Raises MessageError."""
    return parse(Finished, {"outcome": outcome, **said})
