"""`twophase run` and `twophase plan` are `run_two_phase`."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from master.commands import run_two_phase
from master.verbs import plan, run


def test_words_go_to_the_command_under_the_name_of_the_verb(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[Sequence[str], str]] = []
    monkeypatch.setattr(run_two_phase, "main", lambda words, name: seen.append((words, name)) or 5)
    assert (run.main(["--quiet"]), plan.main(["--quiet"])) == (5, 5)
    assert seen == [(["--quiet"], "twophase run"), (["--quiet", "--dry-run"], "twophase plan")]


def test_wrong_words_are_told_under_the_name_of_the_verb(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        plan.main(["--griid", "lr=1"])
    assert capsys.readouterr().err.startswith("twophase plan: error: ")
