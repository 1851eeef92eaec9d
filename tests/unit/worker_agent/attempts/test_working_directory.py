"""What an attempt finds in its directory, and what cannot be shown there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.attempt_paths import paths_of
from worker_agent.attempts.working_directory import WorkingDirectories
from worker_agent.core.execution import StartError
from worker_agent.protocol.layout import WorkLayout
from worker_agent.protocol.messages import Launch, Mount
from worker_agent.system.this_machine import expand


def launch(*mounts: Mount, phase: int = 2) -> Launch:
    return Launch("a", 1, phase, ["x"], mounts=list(mounts))


@pytest.fixture
def layout(tmp_path: Path) -> WorkLayout:
    return WorkLayout(tmp_path / "work")


def test_paths_of_the_settings_are_those_of_this_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/u")
    monkeypatch.setenv("DATA", "/big")
    assert [str(expand(path)) for path in ("~/x", "$DATA/x", "/x", "x")] == ["/home/u/x", "/big/x", "/x", "x"]


@pytest.mark.parametrize("phase", [1, 2])
def test_only_trainings_of_base_models_have_a_place_for_one(layout: WorkLayout, phase: int) -> None:
    attempt = layout.attempt("r1", "a", 1)
    WorkingDirectories(layout, "r1").prepare(attempt, launch(phase=phase))
    assert paths_of(attempt).work.is_dir() and paths_of(attempt).output.is_dir()
    assert paths_of(attempt).base_model.exists() == (phase == 1)


def test_data_of_the_worker_is_shown_where_it_is_asked_for(layout: WorkLayout, tmp_path: Path) -> None:
    (tmp_path / "rows").mkdir()
    attempt = layout.attempt("r1", "a", 1)
    WorkingDirectories(layout, "r1").prepare(attempt, launch(Mount("data/rows", path=str(tmp_path / "rows"))))
    assert (paths_of(attempt).work / "data" / "rows").resolve() == tmp_path / "rows"


@pytest.mark.parametrize(
    ("path", "problem"),
    [("rows", "'rows' is not an absolute path"), ("/none", "/none does not exist on this worker")],
)
def test_data_that_is_not_there_is_named(layout: WorkLayout, path: str, problem: str) -> None:
    with pytest.raises(StartError) as caught:
        WorkingDirectories(layout, "r1").prepare(layout.attempt("r1", "a", 1), launch(Mount("d", path=path)))
    assert str(caught.value) == f"mount at 'd': {problem}"


def test_what_a_former_agent_left_in_the_place_is_gone(layout: WorkLayout) -> None:
    attempt = layout.attempt("r1", "a", 1)
    paths_of(attempt).work.mkdir(parents=True)
    (paths_of(attempt).work / "old").touch()
    directories = WorkingDirectories(layout, "r1")
    assert directories.made(attempt) is None
    directories.prepare(attempt, launch())
    assert not (paths_of(attempt).work / "old").exists() and directories.made(attempt) is not None


def test_a_directory_that_somebody_may_still_write_to_is_deleted(layout: WorkLayout) -> None:
    attempt, directories = layout.attempt("r1", "a", 1), WorkingDirectories(layout, "r1")
    directories.prepare(attempt, launch())
    directories.distrust(attempt)
    assert directories.recycle(attempt) == [attempt.root]


def test_a_disk_that_takes_nothing_is_told(layout: WorkLayout) -> None:
    layout.work_dir.mkdir()
    (layout.work_dir / "runs").write_text("a file in the way")
    with pytest.raises(StartError, match=r"cannot prepare .*: Not a directory") as caught:
        WorkingDirectories(layout, "r1").prepare(layout.attempt("r1", "a", 1), launch())
    assert caught.value.worker_fault


def test_an_id_that_is_too_long_for_a_name_is_no_fault_of_the_workers(layout: WorkLayout) -> None:
    with pytest.raises(StartError, match=r"cannot prepare .*: File name too long") as caught:
        WorkingDirectories(layout, "r1").prepare(layout.attempt("r1", "→" * 100, 1), launch())
    assert not caught.value.worker_fault


def test_a_place_that_was_wiped_is_made_anew(layout: WorkLayout) -> None:
    directories = WorkingDirectories(layout, "r1")
    first, second, third = (layout.attempt("r1", "a", number) for number in (1, 2, 3))
    directories.prepare(first, launch())
    shutil.rmtree(layout.work_dir)
    directories.prepare(second, launch())
    assert directories.recycle(second) == []
    shutil.rmtree(layout.work_dir)
    directories.prepare(third, launch())
    assert paths_of(third).work.is_dir() and paths_of(third).output.is_dir()
