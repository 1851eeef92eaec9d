"""A job that has left nothing is told from all others by the times of its folders."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.attempt_paths import paths_of
from worker_agent.attempts import recycled_directories, stamps
from worker_agent.attempts.recycled_directories import RecycledFolders
from worker_agent.attempts.results import collect, is_quick
from worker_agent.attempts.working_directory import WorkingDirectories
from worker_agent.cache.artefacts import Cache
from worker_agent.protocol.layout import AttemptLayout, WorkLayout
from worker_agent.protocol.messages import CollectRules, Launch, Mount

CODE = "c" * 64
A_SECOND_NS = 1_000_000_000


class Worker:
    """One whose jobs have a directory that others had before them, as old as is to be believed."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.layout = WorkLayout(root)
        self.cache = Cache(self.layout, "r1")
        self.directories = WorkingDirectories(self.layout, "r1")
        (self.layout.cached(CODE) / "lib").mkdir(parents=True)
        (self.layout.cached(CODE) / "lib" / "model.py").write_text("x = 1")
        self.now_ns = time.time_ns()
        monkeypatch.setattr(time, "time_ns", lambda: self.now_ns)
        monkeypatch.setattr(time, "monotonic_ns", lambda: self.now_ns)

    def begin(self, job_id: str, **fields: Any) -> tuple[AttemptLayout, Launch]:
        """Start a job a second after the one before."""
        self.now_ns += A_SECOND_NS
        return self.begin_at_once(job_id, **fields)

    def begin_at_once(self, job_id: str, **fields: Any) -> tuple[AttemptLayout, Launch]:
        attempt = self.layout.attempt("r1", job_id, 1)
        mounts = [Mount("", artefact=CODE)]
        launch = Launch(job_id, 1, 2, ["x"], mounts=mounts, output_from=".", **fields)
        self.directories.prepare(attempt, launch)
        paths_of(attempt).log.touch()
        return attempt, launch

    def used(self, **fields: Any) -> tuple[AttemptLayout, Launch]:
        """Start a job in a directory that another has had."""
        first, _ = self.begin("first")
        assert self.directories.recycle(first) == []
        return self.begin("second", **fields)

    def has_left_nothing(self, attempt: AttemptLayout, launch: Launch) -> bool:
        made = self.directories.made(attempt)
        is_quick(attempt, launch, made)
        assert made is not None
        return made.has_left_nothing


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Worker:
    return Worker(tmp_path, monkeypatch)


def test_a_job_that_has_left_nothing_is_known_without_a_listing_of_its_folders(worker: Worker) -> None:
    attempt, launch = worker.used()
    assert worker.has_left_nothing(attempt, launch)
    made = worker.directories.made(attempt)
    told = collect(attempt, launch, worker.cache, made, succeeded=True, quick=True)
    made.has_left_nothing = False
    assert told == collect(attempt, launch, worker.cache, made, succeeded=True, quick=True)


def test_its_directory_becomes_another_jobs_without_its_log(worker: Worker) -> None:
    attempt, launch = worker.used()
    inode = paths_of(attempt).output.stat().st_ino
    with paths_of(attempt).log.open("a") as still_open:
        assert worker.has_left_nothing(attempt, launch) and worker.directories.recycle(attempt) == []
        third, launch = worker.begin("third")
        still_open.write("said too late")
    assert paths_of(third).output.stat().st_ino == inode and paths_of(third).log.read_text() == ""
    assert worker.has_left_nothing(third, launch)


LEFT: dict[str, Callable[[Any], object]] = {
    "a file in the working directory": lambda job: (job.work / "result.txt").write_text(""),
    "a file beside the code": lambda job: (job.work / "lib" / "epoch.pt").write_text("1"),
    "changed code": lambda job: (job.work / "lib" / "model.py").write_text("x = 2"),
    "changed code whose time is set back": lambda job: (
        (job.work / "lib" / "model.py").write_text("x = 2"),
        os.utime(job.work / "lib" / "model.py", (0, 0)),
    ),
    "code that is gone": lambda job: (job.work / "lib" / "model.py").unlink(),
    "an output": lambda job: (job.output / "metrics.json").write_text("{}"),
    "an output in a folder whose time is set back": lambda job: (
        (job.output / "metrics.json").write_text("{}"),
        os.utime(job.output, ns=(0, 0)),
    ),
    "an empty folder": lambda job: (job.output / "runs").mkdir(),
    "something that is gone again": lambda job: (
        (job.output / "lock").touch(),
        (job.output / "lock").unlink(),
    ),
    "a link for the output": lambda job: (job.output.rmdir(), job.output.symlink_to("/tmp")),
    "a closed folder": lambda job: job.output.chmod(0o500),
    "a closed log folder": lambda job: job.log_folder.chmod(0o500),
    "progress": lambda job: job.progress.write_text("{}\n"),
    "a log": lambda job: job.log.write_text("epoch 1\n"),
    "no log": lambda job: job.log.unlink(),
    "a pipe for the log": lambda job: (job.log.unlink(), os.mkfifo(job.log)),
    "another log": lambda job: (job.log_folder / "more.txt").touch(),
    "nothing, not even its directory": lambda job: job.root.rename(job.root.with_name("elsewhere")),
}


@pytest.mark.parametrize("leave", LEFT.values(), ids=LEFT.keys())
def test_whatever_a_job_leaves_is_looked_at_closely(worker: Worker, leave: Callable[[Any], object]) -> None:
    attempt, launch = worker.used()
    leave(paths_of(attempt))
    assert not worker.has_left_nothing(attempt, launch)


@pytest.mark.parametrize("fields", [{"collect": CollectRules(include=["*.csv"])}])
def test_a_job_with_rules_of_its_own_is_looked_at_closely(worker: Worker, fields: dict[str, Any]) -> None:
    assert not worker.has_left_nothing(*worker.used(**fields))


def test_a_new_directory_and_one_that_was_used_just_now_are_looked_at_closely(worker: Worker) -> None:
    first, launch = worker.begin("first")
    assert not worker.has_left_nothing(first, launch) and worker.directories.recycle(first) == []
    second, launch = worker.begin_at_once("second")
    assert not worker.has_left_nothing(second, launch) and worker.directories.recycle(second) == []


def test_what_was_beside_the_working_directory_until_just_now_makes_its_times_too_young(
    worker: Worker,
) -> None:
    attempt, launch = worker.used()
    paths_of(attempt).progress.write_text("{}")
    assert not worker.has_left_nothing(attempt, launch)
    worker.now_ns += A_SECOND_NS
    assert worker.directories.recycle(attempt) == []
    third, launch = worker.begin_at_once("third")
    assert not worker.has_left_nothing(third, launch), "its own progress may have the same time"


def test_stamps_grow_old_while_jobs_leave_nothing(worker: Worker) -> None:
    attempt, _ = worker.begin("first")
    for number in range(4):
        worker.directories.recycle(attempt)
        worker.now_ns += stamps.TICK_NS // 3
        attempt, launch = worker.begin_at_once(f"job{number}")
    assert worker.has_left_nothing(attempt, launch)


def test_times_in_whole_seconds_tell_nothing(worker: Worker) -> None:
    attempt, _ = worker.begin("first")
    os.utime(attempt.output, ns=(A_SECOND_NS, A_SECOND_NS))
    made = worker.directories.made(attempt)
    assert made is not None and stamps.take(attempt.root, made.copy) is None
    assert stamps.before_start(attempt.root, None) is None


class Folder:
    """A directory that one attempt after the other has; each begins a second after the one before."""

    def __init__(self, root: Path, worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
        self._root, self._worker, self._kept = root, worker, RecycledFolders()
        self.listed: list[str] = []
        self.path = Path()
        listing = recycled_directories.names_in
        monkeypatch.setattr(
            recycled_directories, "names_in", lambda path: (self.listed.append(path), listing(path))[1]
        )

    def give(self, job_id: str, after_ns: int = A_SECOND_NS) -> Path:
        self._worker.now_ns += after_ns
        self.path = self._root / job_id
        self._kept.open(str(self.path))
        return self.path

    def keep(self) -> bool:
        return self._kept.keep(str(self.path))


@pytest.fixture
def folder(tmp_path: Path, worker: Worker, monkeypatch: pytest.MonkeyPatch) -> Folder:
    return Folder(tmp_path, worker, monkeypatch)


def test_an_empty_folder_that_was_given_on_is_not_listed_again(folder: Folder) -> None:
    first = folder.give("a")
    assert folder.keep() and folder.listed == [str(first)]
    for job_id in "bc":
        assert not list(folder.give(job_id).iterdir()) and folder.keep()
    assert folder.listed == [str(first)]


@pytest.mark.parametrize("leave", ["a file", "a mode", "a file that is gone"])
def test_a_folder_that_was_given_on_and_is_not_as_it_was_is_looked_at_closely(
    folder: Folder, leave: str
) -> None:
    folder.give("a")
    assert folder.keep()
    path = folder.give("b")
    if leave == "a mode":
        path.chmod(0o500)
    else:
        (path / "epoch").touch()
    if leave == "a file that is gone":
        (path / "epoch").unlink()
    assert folder.keep() == (leave == "a file that is gone")


def test_a_folder_that_was_kept_just_now_is_listed(folder: Folder) -> None:
    folder.give("a")
    assert folder.keep()
    second = folder.give("b", after_ns=1)
    assert folder.keep() and str(second) in folder.listed
