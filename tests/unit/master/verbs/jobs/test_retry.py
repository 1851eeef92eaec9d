"""The words of `twophase retry`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from master.verbs.jobs import retry


def test_what_a_filter_finds_must_still_have_ended_in_vain(run: Path, given: list[Any]) -> None:
    assert retry.main(["alpha/*", "--run", str(run)]) == 0
    fields = {"jobs": ["alpha/lr=0.1"], "only": ["failed", "blocked", "cancelled", "pruned"]}
    assert given == [("retry", fields, "")]


def test_nothing_that_failed_is_told(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert retry.main(["--state", "cancelled", "--run", str(run)]) == 2
    assert "none is cancelled: 1 failed" in capsys.readouterr().err
