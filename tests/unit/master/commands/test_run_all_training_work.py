"""What `run_all_training` answers before anything is started."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from master.commands.run_all_training import main
from master.commands.run_all_training_work import NOTHING_FOUND


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "train_a.py").write_text("print(1)\n")
    return tmp_path


def test_what_would_run_is_listed(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list", "--json", "--exclude", "nobody"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [job["id"] for job in listed["jobs"]] == ["train_a"]
    assert "--exclude nobody: no job has this name" in listed["notes"][0]


@pytest.mark.parametrize(("strict", "listed"), [([], 0), (["--strict-discovery"], NOTHING_FOUND)])
def test_where_there_is_nothing_to_run_it_says_where_it_looked(
    here: Path, capsys: pytest.CaptureFixture[str], strict: list[str], listed: int
) -> None:
    (here / "empty").mkdir()
    assert main(["--discover-root", "empty", *strict]) == NOTHING_FOUND
    said = capsys.readouterr().err
    assert f"below {here / 'empty'}" in said and "nothing to run" in said
    assert main(["--discover-root", "empty", "--list", *strict]) == listed


def test_a_job_that_nobody_has_is_the_users_mistake(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "train_b"]) == 2
    assert "--only train_b: no job has this name; did you mean train_a?" in capsys.readouterr().err
    assert sorted(path.name for path in here.iterdir()) == ["scripts"]
