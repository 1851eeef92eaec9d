"""A command that is started where there is no directory any more says so."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from master.commands import run_all_training as orchestrator
from master.commands import run_two_phase
from master.commands.working_directory import check_working_directory
from master.errors import UsageError


@pytest.fixture
def gone(tmp_path: Path) -> Iterator[Path]:
    """The current directory, deleted."""
    before = os.open(".", os.O_RDONLY)
    folder = tmp_path / "gone"
    folder.mkdir()
    os.chdir(folder)
    folder.rmdir()
    yield folder
    os.fchdir(before)
    os.close(before)


def test_a_directory_that_is_there_is_fine() -> None:
    check_working_directory()


def test_a_deleted_directory_is_named(gone: Path) -> None:
    with pytest.raises(UsageError, match=f"the current directory {gone} has been deleted: `cd` to one that"):
        check_working_directory()


def test_the_shells_name_serves_where_the_kernel_tells_none(
    gone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(_: Path) -> Path:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(Path, "readlink", nothing)
    monkeypatch.setenv("PWD", "/as/the/shell/says")
    with pytest.raises(UsageError, match="/as/the/shell/says has been deleted"):
        check_working_directory()


def test_a_directory_that_cannot_be_told_is_refused_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden() -> Path:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "cwd", forbidden)
    with pytest.raises(UsageError, match=r"the current directory .* \(Permission denied\): `cd`"):
        check_working_directory()


TWO_PHASE = ["--cluster-config", "c.json", "--jobs-config", "j.json", "--script-path", "train.py"]


@pytest.mark.parametrize(("main", "argv"), [(run_two_phase.main, TWO_PHASE), (orchestrator.main, ["--list"])])
def test_the_commands_name_it(
    gone: Path, capsys: pytest.CaptureFixture[str], main: Callable[[list[str]], int], argv: list[str]
) -> None:
    assert main(argv) == 2
    assert f"the current directory {gone} has been deleted" in capsys.readouterr().err
