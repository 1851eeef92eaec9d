"""How git is asked about a folder that may come from somebody else."""

from __future__ import annotations

from pathlib import Path


def git_argv(folder: Path, *words: str) -> list[str]:
    """Return the command that asks git about `folder`: none of the programs that its config names is run."""
    return ["git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-C", str(folder), *words]
