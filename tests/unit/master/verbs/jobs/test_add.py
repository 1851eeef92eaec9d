"""The words of `twophase add`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from master.verbs.jobs import add


def test_the_master_is_told_where_the_file_is(
    run: Path, given: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    (run / "more.json").touch()
    monkeypatch.chdir(run)
    assert add.main(["more.json"]) == 0
    assert given == [("add", {"path": str((run / "more.json").resolve())}, "")]


def test_a_file_that_is_not_there_is_told(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert add.main(["nowhere.json", "--run", str(run)]) == 2
    assert capsys.readouterr().err == "twophase add: nowhere.json: there is no such file\n"
