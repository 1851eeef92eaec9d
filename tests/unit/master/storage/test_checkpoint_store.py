"""Checkpoints come home whole, the newest of each task is kept, and the next attempt is told of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from master.adapters.inbox import Noted, Received
from master.core.running import commands as cmd
from master.core.running import events as ev
from master.storage.checkpoint_store import CheckpointStore
from master.storage.run_layout import RunLayout
from master.transfers import courier as courier_module
from tests.support.courier_world import JOB, SHA, SOON_S, CourierWorld, put
from worker_agent.protocol import messages as msg
from worker_agent.protocol.digests import content_hash, digest_directory
from worker_agent.protocol.layout import WorkLayout

SETTLED = ev.CheckpointSettled(5.0, JOB, 1)


def staged(folder: Path, **contents: str) -> str:
    put(folder, contents)
    return content_hash(digest_directory(folder))


class Kept:
    """A store and a way to fill it."""

    def __init__(self, root: Path) -> None:
        self.layout = RunLayout(root / "run")
        self.store = CheckpointStore(self.layout)
        self.scratch = root / "scratch"

    def add(self, attempt: int, text: str, task_id: str = JOB) -> str:
        found = staged(self.scratch, epoch=text)
        self.store.add(task_id, attempt, found, self.scratch)
        return found

    def on_disk(self) -> list[int]:
        return sorted(attempt for _, attempt, _ in self.layout.kept_checkpoints())


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
    (kept.layout.state / "checkpoints" / "no attempt" / "x").mkdir(parents=True)
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
    launch_of = kept.store.launching(lambda task, number, _: msg.Launch(task, number, 2, ["x"]))
    message = launch_of(JOB, attempt, "lab1")
    expected = (found, 1) if given else (None, None)
    assert (message.checkpoint, message.checkpoint_attempt) == expected
    assert launch_of("alpha/other", attempt, "lab1").checkpoint is None


# ---- the way home and back ---------------------------------------------------------------------------------


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CourierWorld]:
    monkeypatch.setattr(courier_module, "FIRST_PAUSE_S", 0.0)
    monkeypatch.setattr(courier_module, "PUSH_PAUSES_S", (0.0,))
    found = CourierWorld(tmp_path)
    yield found
    found.courier.close()


def leave(world: CourierWorld, **contents: str) -> dict[str, Any]:
    """Let an attempt leave a checkpoint on the worker, and return what its agent says of it."""
    folder = WorkLayout(world.remote / "work").checkpoints("run1", JOB, 1)
    rows = put(folder, contents)
    return {"content_hash": content_hash(digest_directory(folder)), "files": rows}


def collect_failed(world: CourierWorld, checkpoint: object) -> None:
    world.collect_failed({"outcome": "failed", "checkpoint": checkpoint})


def test_a_checkpoint_comes_home_before_the_worker_may_forget(world: CourierWorld) -> None:
    collect_failed(world, leave(world, epoch="3"))
    assert world.event() == SETTLED
    newest = world.checkpoints.newest(JOB)
    assert newest and (newest.path / "epoch").read_text() == "3"
    assert world.line.sent == [msg.Release(JOB, 1)]
    assert not world.layout.incoming(JOB, 1).exists()


@pytest.mark.parametrize(
    "wrong", [{"files": []}, {"content_hash": SHA}, {"files": [["../x", 1, SHA]]}, {"problem": "too large"}]
)
def test_one_that_cannot_be_had_is_noted_and_waited_for_no_more(
    world: CourierWorld, wrong: dict[str, Any]
) -> None:
    collect_failed(world, {**leave(world, epoch="3"), **wrong})
    note = world.note()
    assert note.startswith(f"{JOB}: ") and "attempt 1" in note
    assert world.event() == SETTLED and world.checkpoints.newest(JOB) is None


def test_one_that_was_damaged_on_the_way_is_no_checkpoint(world: CourierWorld) -> None:
    said = leave(world, epoch="3")
    leave(world, epoch="torn")
    collect_failed(world, said)
    assert "is not what its agent announced" in world.note()
    assert world.event() == SETTLED and world.checkpoints.newest(JOB) is None


def test_one_behind_a_broken_link_is_left_for_later(world: CourierWorld) -> None:
    world.line.welcome = None
    collect_failed(world, leave(world, epoch="3"))
    assert world.silent() and world.line.sent == []


def test_it_is_brought_to_the_next_worker(world: CourierWorld) -> None:
    said = leave(world, epoch="3")
    collect_failed(world, said)
    world.event()
    world.courier.deliver(cmd.Deliver("lab1", said["content_hash"]))
    assert world.event() == ev.Delivered(5.0, "lab1", said["content_hash"])
    there = WorkLayout(world.remote / "work").incoming("run1", said["content_hash"])
    assert (there / "epoch").read_text() == "3"


def test_one_that_was_damaged_at_home_is_given_up(world: CourierWorld) -> None:
    said = leave(world, epoch="3")
    collect_failed(world, said)
    world.event()
    newest = world.checkpoints.newest(JOB)
    assert newest
    (newest.path / "epoch").write_text("torn")
    world.courier.deliver(cmd.Deliver("lab1", said["content_hash"]))
    assert "was damaged and is deleted" in world.note()
    assert world.event() == ev.CheckpointDamaged(5.0, JOB, said["content_hash"])
    assert world.checkpoints.newest(JOB) is None


def test_a_success_needs_it_no_more(world: CourierWorld) -> None:
    collect_failed(world, leave(world, epoch="3"))
    world.event()
    shutil.rmtree(world.remote)
    world.collect({"outcome": "succeeded"}, JOB, 2)
    item = world.inbox.get(timeout=SOON_S)
    assert isinstance(item, Received) and not isinstance(item, Noted)
    assert world.checkpoints.newest(JOB) is None
