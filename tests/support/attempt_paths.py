"""The files of an attempt as paths, which tests read and write."""

from __future__ import annotations

from pathlib import Path

from worker_agent.protocol.layout import AttemptLayout


class _AttemptPaths:
    """What `AttemptLayout` has as text."""

    def __init__(self, layout: AttemptLayout) -> None:
        self._layout = layout

    def __getattr__(self, name: str) -> Path:
        return Path(getattr(self._layout, name))


def paths_of(attempt: AttemptLayout) -> _AttemptPaths:
    """Return where the files of an attempt are."""
    return _AttemptPaths(attempt)
