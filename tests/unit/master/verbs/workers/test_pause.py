"""The words of `twophase pause`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from master.verbs.workers import pause


def test_workers_and_an_end_become_an_order(
    run: Path, given: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["lab4", "lab5", "--until", "2030-01-01T08:00", "--why", "night", "--run", str(run)]
    assert pause.main(words) == 0
    ((verb, fields, why),) = given
    assert (verb, fields["workers"], why) == ("pause", ["lab4", "lab5"], "night")
    assert fields["until"] > 1.8e9
    assert capsys.readouterr().out == "pause lab4: is so\n"


def test_a_worker_must_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        pause.parser().parse_args([])
    assert "WORKER" in capsys.readouterr().err
