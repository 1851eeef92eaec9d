"""Folders of the user's that happen to be called as our packages are."""

from __future__ import annotations

from pathlib import Path

NAMES = ("master", "trainers", "worker_agent", "trainers/calm", "trainers/personalization")


def write_their_packages(folder: Path) -> Path:
    """Write packages that end whatever imports them, and return the folder that they lie in."""
    for name in NAMES:
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text(f"raise SystemExit('this is their {name}')\n")
    return folder
