"""The cluster config that programs take where the command line names none."""

from __future__ import annotations

from pathlib import Path

USUAL_CONFIG = Path("cluster_config.json")
"""In the working directory; `twophase init` writes it."""


def usual_config() -> Path | None:
    """Return the cluster config that lies here under its usual name; None where none does."""
    return USUAL_CONFIG if USUAL_CONFIG.exists() else None
