"""Which checkpoint an attempt begins with, and what is told of the one that it leaves."""

from __future__ import annotations

from pathlib import Path

import pytest

from worker_agent.attempts.checkpoints import Checkpoints
from worker_agent.cache.artefacts import Cache
from worker_agent.core.execution import Key
from worker_agent.protocol.digests import content_hash, digest_directory
from worker_agent.protocol.layout import WorkLayout
from worker_agent.protocol.messages import Launch
from worker_agent.protocol.outcome import CheckpointLeft

JOB = "alpha/a"
LIMIT = 1000


class Worker:
    """The checkpoint directories and the cache of a worker."""

    def __init__(self, root: Path) -> None:
        layout = WorkLayout(root)
        self.cache = Cache(layout, "r1")
        self.checkpoints = Checkpoints(layout, "r1", self.cache)
        self.root = root
        self.running: set[Key] = set()

    def folder(self, key: Key) -> Path:
        return Path(self.checkpoints.path(key))

    def write(self, attempt: int, text: str) -> None:
        folder = self.folder((JOB, attempt))
        folder.mkdir(parents=True, exist_ok=True)
        if text:
            (folder / "epoch").write_text(text)

    def deliver(self, text: str) -> str:
        made = self.root / "made"
        (made / "sub").mkdir(parents=True)
        (made / "epoch").write_text(text)
        (made / "sub" / "x").write_text("x")
        name, _ = self.cache.adopt(made)
        return name

    def launch(self, attempt: int, checkpoint: str | None = None, made_by: int | None = None) -> Launch:
        asked = Launch(JOB, attempt, 2, ["x"], checkpoint=checkpoint, checkpoint_attempt=made_by)
        return self.checkpoints.without_older(asked, self.in_use)

    def begin(self, launch: Launch) -> str | None:
        """Open the directory of an attempt; return what it begins with."""
        self.checkpoints.open(launch, self.in_use)
        path = self.folder((JOB, launch.attempt))
        assert path.is_dir()
        return (path / "epoch").read_text() if (path / "epoch").exists() else None

    def in_use(self, key: Key) -> bool:
        return key in self.running


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    return Worker(tmp_path)


@pytest.mark.parametrize(
    ("own", "delivered_by", "begins_with"),
    [
        ({}, None, None),
        ({1: "1"}, None, "1"),
        ({1: "1", 2: "2"}, None, "2"),
        ({1: "1", 2: ""}, None, "1"),
        ({}, 2, "delivered"),
        ({1: "1"}, 2, "delivered"),
        ({2: "2"}, 2, "2"),
        ({3: "3"}, 2, "3"),
        ({3: ""}, 2, "delivered"),
    ],
)
def test_an_attempt_begins_with_the_newest_checkpoint(
    worker: Worker, own: dict[int, str], delivered_by: int | None, begins_with: str | None
) -> None:
    for attempt, text in own.items():
        worker.write(attempt, text)
    name = worker.deliver("delivered") if delivered_by else None
    launch = worker.launch(4, name, delivered_by)
    assert (launch.checkpoint is not None) == (begins_with == "delivered")
    assert worker.begin(launch) == begins_with
    assert worker.begin(launch) == begins_with
    assert worker.checkpoints.path((JOB, 4)) not in worker.checkpoints.stale((JOB, 4), worker.in_use)


def test_what_was_delivered_can_be_written_to_and_is_out_of_the_cache(worker: Worker) -> None:
    launch = worker.launch(2, worker.deliver("delivered"), 1)
    assert worker.begin(launch) == "delivered"
    path = worker.folder((JOB, 2))
    assert (path / "epoch").stat().st_mode & 0o200 and (path / "sub" / "x").stat().st_mode & 0o200
    (path / "epoch").write_text("mine")
    assert worker.cache.contents.hashes() == [] and worker.cache.status(launch.checkpoint or "") == "missing"


def test_the_directory_of_an_attempt_that_runs_is_left_alone(worker: Worker) -> None:
    worker.write(1, "1")
    worker.write(2, "2")
    worker.running.add((JOB, 2))
    assert worker.begin(worker.launch(3)) == "1"
    assert list(worker.checkpoints.stale((JOB, 3), worker.in_use)) == []
    assert worker.folder((JOB, 2)).exists()
    worker.running.clear()
    assert list(worker.checkpoints.stale((JOB, 3), worker.in_use)) == [str(worker.folder((JOB, 2)))]


def test_all_that_a_job_left_is_found_for_the_end_but_what_runs(worker: Worker) -> None:
    for attempt in (1, 2, 12):
        worker.write(attempt, "x")
    worker.folder((f"{JOB}b", 1)).mkdir()
    worker.folder((JOB, 1)).with_name("no attempt").mkdir()
    worker.running.add((JOB, 2))
    found = set(worker.checkpoints.left_by(JOB, worker.in_use))
    assert found == {str(worker.folder((JOB, attempt))) for attempt in (1, 12)}
    assert list(Worker(worker.root / "new").checkpoints.left_by(JOB, worker.in_use)) == []


def test_what_is_left_is_told_by_its_digests(worker: Worker) -> None:
    worker.write(1, "state")
    path = worker.folder((JOB, 1))
    (path / "last").symlink_to(path / "epoch")
    left = worker.checkpoints.left((JOB, 1), LIMIT)
    assert left is not None and [row[:2] for row in left.files] == [("epoch", 5), ("last", 5)]
    assert left.content_hash == content_hash(digest_directory(path))
    assert not (path / "last").is_symlink()


@pytest.mark.parametrize("text", [None, ""])
def test_nothing_left_is_nothing_told(worker: Worker, text: str | None) -> None:
    if text is not None:
        worker.write(1, text)
    assert worker.checkpoints.is_empty((JOB, 1))
    assert worker.checkpoints.left((JOB, 1), LIMIT) is None


def test_a_checkpoint_that_is_too_large_is_told_of_as_such(worker: Worker) -> None:
    worker.write(1, "x" * (LIMIT + 1))
    problem = "its checkpoint stays on the worker: 1,001 bytes, more than checkpoint_limit, 1,000 bytes"
    assert worker.checkpoints.left((JOB, 1), LIMIT) == CheckpointLeft(problem=problem)


def test_a_checkpoint_that_cannot_be_read_is_told_of_as_such(worker: Worker) -> None:
    worker.write(1, "x")
    (worker.folder((JOB, 1)) / "loop").symlink_to("/proc/self/mem")
    left = worker.checkpoints.left((JOB, 1), LIMIT)
    folder = worker.folder((JOB, 1))
    assert left == CheckpointLeft(problem=f"its checkpoint cannot be read: {folder}: Input/output error")
