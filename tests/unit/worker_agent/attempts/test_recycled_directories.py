"""Which directories other jobs get in place of new ones."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

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
        attempt.log.touch()
        return attempt

    def names(self) -> list[str]:
        return sorted(path.name for path in self.layout.attempts("r1").iterdir())


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    return Worker(tmp_path)


def contents(attempt: AttemptLayout) -> dict[str, str]:
    """Return all that lies in an attempt's directory, with the targets of links."""
    found = {}
    for path in sorted(attempt.root.rglob("*")):
        found[str(path.relative_to(attempt.root))] = str(path.readlink()) if path.is_symlink() else ""
    return found


def test_what_a_job_left_becomes_another_jobs(worker: Worker) -> None:
    first = worker.begin("a")
    fresh, inode = contents(first), (first.work / "lib" / "model.py").stat().st_ino
    assert fresh.keys() == {
        *("work", "work/lib", "work/lib/model.py", "work/train.py"),
        *("output", "log", "log/log.txt"),
    }
    assert worker.directories.recycle(first) == []
    second = worker.begin("b")
    assert contents(second) == fresh
    assert (second.work / "lib" / "model.py").stat().st_ino == inode and worker.names() == ["b.1"]


def test_a_recycled_directory_has_no_log(worker: Worker) -> None:
    first = worker.begin("a")
    with first.log.open("a") as still_open:
        assert worker.directories.recycle(first) == []
        second = worker.begin("b")
        still_open.write("said too late")
    assert second.log.read_text() == ""


CHANGES: dict[str, Callable[[AttemptLayout], object]] = {
    "a file in the working directory": lambda attempt: (attempt.work / ".hidden").write_text(""),
    "a directory beside the code": lambda attempt: attempt.work.joinpath("new").mkdir(),
    "changed code": lambda attempt: (attempt.work / "lib" / "model.py").write_text("changed"),
    "a checkpoint beside the code": lambda attempt: (attempt.work / "lib" / "epoch.pt").write_text("1"),
    "an output": lambda attempt: (attempt.output / "metrics.json").write_text("{}"),
    "many outputs": lambda attempt: (attempt.output / "runs" / "1").mkdir(parents=True),
    "a log": lambda attempt: attempt.log.write_text("epoch 1\n"),
    "another log": lambda attempt: (attempt.log_folder / "more.txt").write_text(""),
    "progress": lambda attempt: attempt.progress.write_text("{}\n"),
    "no log": lambda attempt: attempt.log.unlink(),
    "a log that is a pipe": lambda attempt: (attempt.log.unlink(), os.mkfifo(attempt.log)),
    "a file less": lambda attempt: (attempt.work / "train.py").unlink(),
    "a folder of another mode": lambda attempt: (attempt.work / "lib").chmod(0o700),
    "a link in the place of a file": lambda attempt: (
        (attempt.work / "train.py").unlink(),
        (attempt.work / "train.py").symlink_to("/tmp"),
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_what_a_job_changed_is_undone_for_the_next(
    worker: Worker, change: Callable[[AttemptLayout], object]
) -> None:
    attempt = worker.begin("a")
    fresh = contents(attempt)
    change(attempt)
    waste = worker.directories.recycle(attempt)
    assert attempt.root not in waste and all(path.name == "a.1.waste" for path in waste)
    assert contents(worker.begin("b")) == fresh
    code = worker.layout.cached(CODE)
    assert (code / "lib" / "model.py").read_text() == "x = 1" and not (code / "lib" / "epoch.pt").exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda attempt: attempt.output.rmdir(),
        lambda attempt: attempt.output.chmod(0o500),
        lambda attempt: attempt.root.chmod(0o700),
        lambda attempt: (attempt.output.rmdir(), attempt.output.symlink_to("/tmp")),
        lambda attempt: [(attempt.work / str(number)).touch() for number in range(300)],
    ],
    ids=[
        "no output directory",
        "another mode",
        "another mode at the top",
        "a link for a directory",
        "too much",
    ],
)
def test_what_cannot_be_undone_is_deleted(worker: Worker, change: Callable[[AttemptLayout], object]) -> None:
    attempt = worker.begin("a")
    change(attempt)
    assert worker.directories.recycle(attempt) == [attempt.root]
    other = worker.begin("b")
    assert worker.names() == ["a.1", "b.1"] and not list(other.output.iterdir())


def test_other_code_gets_other_directories(worker: Worker) -> None:
    first = worker.begin("a")
    assert worker.directories.recycle(first) == []
    second = worker.begin("b", code=OTHER)
    assert not (second.work / "lib").exists() and worker.names() == ["a.1", "b.1"]
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
    with (attempt.output / "model.pt").open("wb") as stream:
        stream.truncate(2 << 20)
    (waste,) = worker.directories.recycle(attempt)
    assert [path.stat().st_size for path in waste.iterdir()] == [2 << 20]


def test_a_checkpoint_directory_that_was_not_used_becomes_another_jobs(worker: Worker) -> None:
    worker.begin("a")
    path = worker.checkpoints.path(("a", 1))
    inode = path.stat().st_ino
    assert worker.checkpoints.recycle(("a", 1)) and worker.checkpoints.recycled() == [path]
    assert not list(worker.checkpoints.left_by("a", lambda key: False))
    assert not list(worker.checkpoints.stale(("a", 2), lambda key: False))
    worker.begin("b")
    assert worker.checkpoints.path(("b", 1)).stat().st_ino == inode and not path.exists()


@pytest.mark.parametrize("change", ["a file", "a mode"])
def test_a_checkpoint_directory_that_was_changed_is_not_recycled(worker: Worker, change: str) -> None:
    worker.begin("a")
    path = worker.checkpoints.path(("a", 1))
    path.chmod(0o500) if change == "a mode" else (path / "epoch").write_text("1")
    assert not worker.checkpoints.recycle(("a", 1))
