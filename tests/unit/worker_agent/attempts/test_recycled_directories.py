"""Which directories other jobs get in place of new ones."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.attempt_paths import paths_of
from worker_agent.attempts.checkpoints import Checkpoints
from worker_agent.attempts.working_directory import WorkingDirectories
from worker_agent.cache.artefacts import Cache
from worker_agent.protocol.layout import AttemptLayout, WorkLayout
from worker_agent.protocol.messages import Launch, Mount

CODE, OTHER = "c" * 64, "d" * 64


class Worker:
    """The directories of a worker whose cache holds some code."""

    def __init__(self, root: Path) -> None:
        self.layout = WorkLayout(root)
        self.directories = WorkingDirectories(self.layout, "r1")
        self.checkpoints = Checkpoints(self.layout, "r1", Cache(self.layout, "r1"))
        code = self.layout.cached(CODE)
        (code / "lib").mkdir(parents=True)
        (code / "lib" / "model.py").write_text("x = 1")
        (code / "train.py").write_text("pass")
        self.layout.cached(OTHER).mkdir()
        (self.layout.cached(OTHER) / "train.py").write_text("pass")

    def begin(self, job_id: str, phase: int = 2, at: str = "", code: str = CODE) -> AttemptLayout:
        """Do all that comes before a start, and what every start does."""
        attempt = self.layout.attempt("r1", job_id, 1)
        mounts = [Mount(at, artefact=code)]
        launch = Launch(job_id, 1, phase, ["train.py"], mounts=mounts)
        self.directories.prepare(attempt, launch)
        self.checkpoints.open(launch, lambda key: False)
        paths_of(attempt).log.touch()
        return attempt

    def names(self) -> list[str]:
        return sorted(path.name for path in self.layout.attempts("r1").iterdir())


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    return Worker(tmp_path)


def contents(attempt: AttemptLayout) -> dict[str, str]:
    """Return all that lies in an attempt's directory, with the targets of links."""
    found = {}
    root = paths_of(attempt).root
    for path in sorted(root.rglob("*")):
        found[str(path.relative_to(root))] = str(path.readlink()) if path.is_symlink() else ""
    return found


def test_what_a_job_left_becomes_another_jobs(worker: Worker) -> None:
    first = worker.begin("a")
    fresh, inode = contents(first), (paths_of(first).work / "lib" / "model.py").stat().st_ino
    assert fresh.keys() == {
        *("work", "work/lib", "work/lib/model.py", "work/train.py"),
        *("output", "log", "log/log.txt"),
    }
    assert worker.directories.recycle(first) == []
    second = worker.begin("b")
    assert contents(second) == fresh
    assert (paths_of(second).work / "lib" / "model.py").stat().st_ino == inode and worker.names() == ["b.1"]


def test_a_directory_that_was_made_in_vain_gives_way(worker: Worker) -> None:
    first, second = worker.begin("a"), worker.begin("b")
    (paths_of(second).work / "made in vain").touch()
    assert worker.directories.recycle(first) == []
    assert worker.begin("b") == second  # such as a member of a group that could not begin
    assert not (paths_of(second).work / "made in vain").exists()
    assert worker.names() == [paths_of(second).root.name]


def test_a_recycled_directory_has_no_log(worker: Worker) -> None:
    first = worker.begin("a")
    with paths_of(first).log.open("a") as still_open:
        assert worker.directories.recycle(first) == []
        second = worker.begin("b")
        still_open.write("said too late")
    assert paths_of(second).log.read_text() == ""


CHANGES: dict[str, Callable[[Any], object]] = {
    "a file in the working directory": lambda job: (job.work / ".hidden").write_text(""),
    "a directory beside the code": lambda job: job.work.joinpath("new").mkdir(),
    "changed code": lambda job: (job.work / "lib" / "model.py").write_text("changed"),
    "a checkpoint beside the code": lambda job: (job.work / "lib" / "epoch.pt").write_text("1"),
    "an output": lambda job: (job.output / "metrics.json").write_text("{}"),
    "many outputs": lambda job: (job.output / "runs" / "1").mkdir(parents=True),
    "a log": lambda job: job.log.write_text("epoch 1\n"),
    "another log": lambda job: (job.log_folder / "more.txt").write_text(""),
    "progress": lambda job: job.progress.write_text("{}\n"),
    "no log": lambda job: job.log.unlink(),
    "a log that is a pipe": lambda job: (
        job.log.unlink(),
        os.mkfifo(job.log),
    ),
    "a file less": lambda job: (job.work / "train.py").unlink(),
    "a folder of another mode": lambda job: (job.work / "lib").chmod(0o700),
    "a link in the place of a file": lambda job: (
        (job.work / "train.py").unlink(),
        (job.work / "train.py").symlink_to("/tmp"),
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_what_a_job_changed_is_undone_for_the_next(worker: Worker, change: Callable[[Any], object]) -> None:
    attempt = worker.begin("a")
    fresh = contents(attempt)
    change(paths_of(attempt))
    waste = worker.directories.recycle(attempt)
    assert attempt.root not in waste and all(Path(path).name == "a.1.waste" for path in waste)
    assert contents(worker.begin("b")) == fresh
    code = worker.layout.cached(CODE)
    assert (code / "lib" / "model.py").read_text() == "x = 1" and not (code / "lib" / "epoch.pt").exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda job: job.output.rmdir(),
        lambda job: job.output.chmod(0o500),
        lambda job: job.root.chmod(0o700),
        lambda job: (job.output.rmdir(), job.output.symlink_to("/tmp")),
        lambda job: [(job.work / str(number)).touch() for number in range(300)],
    ],
    ids=[
        "no output directory",
        "another mode",
        "another mode at the top",
        "a link for a directory",
        "too much",
    ],
)
def test_what_cannot_be_undone_is_deleted(worker: Worker, change: Callable[[Any], object]) -> None:
    attempt = worker.begin("a")
    change(paths_of(attempt))
    assert worker.directories.recycle(attempt) == [attempt.root]
    other = worker.begin("b")
    assert worker.names() == ["a.1", "b.1"] and not list(paths_of(other).output.iterdir())


def test_other_code_gets_other_directories(worker: Worker) -> None:
    first = worker.begin("a")
    assert worker.directories.recycle(first) == []
    second = worker.begin("b", code=OTHER)
    assert not (paths_of(second).work / "lib").exists() and worker.names() == ["a.1", "b.1"]
    assert list(worker.directories.recycled()) == [first.root]


@pytest.mark.parametrize(("phase", "at"), [(1, ""), (2, "below/here")])
def test_both_phases_and_all_mounts_are_recycled(worker: Worker, phase: int, at: str) -> None:
    first = worker.begin("a", phase, at)
    fresh = contents(first)
    assert first.root not in worker.directories.recycle(first)
    assert contents(worker.begin("b", phase, at)) == fresh


def test_what_somebody_may_still_write_to_is_deleted(worker: Worker) -> None:
    attempt = worker.begin("a")
    worker.directories.distrust(attempt)
    assert worker.directories.recycle(attempt) == [attempt.root]


def test_large_files_are_left_to_be_deleted_later(worker: Worker) -> None:
    attempt = worker.begin("a")
    with (paths_of(attempt).output / "model.pt").open("wb") as stream:
        stream.truncate(2 << 20)
    (waste,) = worker.directories.recycle(attempt)
    assert [path.stat().st_size for path in Path(waste).iterdir()] == [2 << 20]


def test_a_checkpoint_directory_that_was_not_used_becomes_another_jobs(worker: Worker) -> None:
    worker.begin("a")
    path = Path(worker.checkpoints.path(("a", 1)))
    inode = path.stat().st_ino
    assert worker.checkpoints.recycle(("a", 1)) and worker.checkpoints.recycled() == [str(path)]
    assert not list(worker.checkpoints.left_by("a", lambda key: False))
    assert not list(worker.checkpoints.stale(("a", 2), lambda key: False))
    worker.begin("b")
    assert Path(worker.checkpoints.path(("b", 1))).stat().st_ino == inode and not path.exists()


@pytest.mark.parametrize("change", ["a file", "a mode"])
def test_a_checkpoint_directory_that_was_changed_is_not_recycled(worker: Worker, change: str) -> None:
    worker.begin("a")
    path = Path(worker.checkpoints.path(("a", 1)))
    path.chmod(0o500) if change == "a mode" else (path / "epoch").write_text("1")
    assert not worker.checkpoints.recycle(("a", 1))
