"""The words of `twophase resume`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from master.verbs.workers import resume


def test_workers_become_an_order(run: Path, given: list[Any]) -> None:
    assert resume.main(["lab4", "lab5", "--run", str(run)]) == 0
    assert given == [("resume", {"workers": ["lab4", "lab5"]}, "")]
