"""What users have decided about workers: plain data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Hold:
    """A user wants a worker to be given nothing."""

    by: str
    """The user; empty where the cluster config says so."""
    at: float
    """Unix time since when."""
    why: str = ""
    """In the user's words."""
    until: float | None = None
    """Unix time when it ends by itself; None lasts until somebody ends it."""
    drains: bool = False
    """The worker is wanted for something else: it is told when nothing of the run is there any more."""
    at_once: bool = False
    """What runs there is interrupted, and goes on elsewhere."""

    @property
    def word(self) -> str:
        """What the worker is called meanwhile."""
        return "drained" if self.drains else "paused"

    @property
    def signed(self) -> str:
        """Who decided it, and why, to stand behind a word: ` by anna: night`."""
        by = f" by {self.by}" if self.by else ""
        return f"{by}: {self.why}" if self.why else by
