"""Flags in, exit code out."""

from __future__ import annotations

import pytest

from trainers.personalization import job
from trainers.personalization.cli import main
from trainers.personalization.errors import OptionError
from trainers.personalization.options import PersonalizationOptions

FLAGS = ["--fold", "0", "--participants", "ann", "bob", "--mode", "target_only"]


def test_a_job_gets_its_options(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[PersonalizationOptions] = []
    monkeypatch.setattr(job, "run_job", seen.append)
    assert main(FLAGS) == 0
    assert (seen[0].fold, seen[0].mode) == (0, "target_only")


def test_an_error_of_the_user_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(_: PersonalizationOptions) -> None:
        raise OptionError("--fold 7: there are 2 participants")

    monkeypatch.setattr(job, "run_job", refused)
    assert main(FLAGS) == 2
    assert capsys.readouterr().err == "error: --fold 7: there are 2 participants\n"
