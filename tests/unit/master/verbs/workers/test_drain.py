"""The words of `twophase drain`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from master.verbs.workers import drain


@pytest.mark.parametrize(("words", "now"), [([], False), (["--now"], True)])
def test_a_drain_waits_for_jobs_or_interrupts_them(
    words: list[str], now: bool, run: Path, given: list[Any]
) -> None:
    assert drain.main(["lab4", *words, "--run", str(run)]) == 0
    assert given == [("drain", {"workers": ["lab4"], "until": 0.0, "now": now}, "")]
