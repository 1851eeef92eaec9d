"""The words of `twophase cancel`."""

from __future__ import annotations

from pathlib import Path

import pytest

from master.verbs.jobs import cancel


def test_words_and_filters() -> None:
    options = cancel.parser().parse_args(["a", "b*", "--state", "ready,failed", "--where", "lr=1e-3"])
    assert (options.jobs, options.state, options.where) == (["a", "b*"], ("ready", "failed"), [("lr", 1e-3)])


def test_what_has_succeeded_is_no_aim_of_a_filter(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cancel.main(["--where", "lr=0.1", "--state", "succeeded", "--run", str(run)]) == 2
    assert "none of those is succeeded: 1 failed" in capsys.readouterr().err
