"""The words of `twophase remove-worker`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from master.verbs.workers import remove_worker


def test_workers_become_an_order(run: Path, given: list[Any]) -> None:
    assert remove_worker.main(["lab4", "--now", "--why", "sold", "--run", str(run)]) == 0
    assert given == [("remove-worker", {"workers": ["lab4"], "now": True}, "sold")]
