"""Checkpoints come home whole, the newest of each job is kept, and the next attempt is told of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from master.storage.checkpoint_store import CheckpointStore, kept_checkpoints
from master.storage.run_layout import RunLayout
from tests.support.courier_world import JOB, SHA, put
from worker_agent.protocol import messages as msg
from worker_agent.protocol.digests import content_hash, digest_directory


def staged(folder: Path, **contents: str) -> str:
    put(folder, contents)
    return content_hash(digest_directory(folder))


class Kept:
    """A store and a way to fill it."""

    def __init__(self, root: Path) -> None:
        self.layout = RunLayout(root / "run")
        self.store = CheckpointStore(self.layout)
        self.scratch = root / "scratch"

    def add(self, attempt: int, text: str, job_id: str = JOB) -> str:
        found = staged(self.scratch, epoch=text)
        self.store.add(job_id, attempt, found, self.scratch)
        return found

    def on_disk(self) -> list[int]:
        return sorted(kept.attempt for kept in kept_checkpoints(self.layout))


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path)


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 3, 1)])
def test_the_newest_is_kept_whatever_comes_last(kept: Kept, order: tuple[int, ...]) -> None:
    hashes = {attempt: kept.add(attempt, f"of {attempt}") for attempt in order}
    newest = kept.store.newest(JOB)
    assert newest and (newest.attempt, newest.content_hash) == (3, hashes[3])
    assert (newest.path / "epoch").read_text() == "of 3" and kept.on_disk() == [3]


def test_a_later_master_finds_what_was_kept(kept: Kept) -> None:
    found = kept.add(2, "state")
    kept.add(1, "other", "alpha/deep/other")
    (kept.layout.checkpoints / "no attempt" / "x").mkdir(parents=True)
    again = CheckpointStore(kept.layout)
    newest, other = again.newest(JOB), again.newest("alpha/deep/other")
    assert newest and (newest.attempt, newest.content_hash) == (2, found) and other and other.attempt == 1
    assert again.holding(found) == newest and again.holding(SHA) is None


def test_what_is_not_needed_any_more_is_deleted(kept: Kept) -> None:
    kept.add(1, "state")
    kept.store.drop(JOB)
    kept.store.drop(JOB)
    assert kept.store.newest(JOB) is None and kept.on_disk() == []


@pytest.mark.parametrize(("attempt", "given"), [(2, True), (3, True), (1, False)])
def test_only_later_attempts_begin_with_it(kept: Kept, attempt: int, given: bool) -> None:
    found = kept.add(1, "state")
    launch_of = kept.store.launching(lambda job, number, _: msg.Launch(job, number, 2, ["x"]))
    message = launch_of(JOB, attempt, "lab1")
    expected = (found, 1) if given else (None, None)
    assert (message.checkpoint, message.checkpoint_attempt) == expected
    assert launch_of("alpha/other", attempt, "lab1").checkpoint is None
