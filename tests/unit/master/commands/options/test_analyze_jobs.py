"""The words of `analyze_jobs`."""

from __future__ import annotations

import pytest

from master.code.trainer_manifest import DEFAULT_TRAINER
from master.commands.options import analyze_jobs, run_two_phase


def test_help_names_the_trainer_that_is_taken_where_none_is_named() -> None:
    for parser in (analyze_jobs.parser(), run_two_phase.parser()):
        (told,) = (action.help for action in parser._actions if action.dest == "trainer")
        assert f"{DEFAULT_TRAINER})" in str(told)


def test_no_jobs_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        analyze_jobs.parse([])
    assert "no jobs: give a jobs file, or a sweep" in capsys.readouterr().err
