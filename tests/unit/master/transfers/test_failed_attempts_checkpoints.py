"""Checkpoints on their way home and to the next worker."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import Any

import pytest

from master.adapters.inbox import Noted, Received
from master.core.running import commands as cmd
from master.core.running import events as ev
from tests.support.courier_world import JOB, SHA, SOON_S, put
from tests.support.courier_world import CourierWorld as World
from worker_agent.protocol import messages as msg
from worker_agent.protocol.codec import MessageError
from worker_agent.protocol.digests import content_hash, digest_directory
from worker_agent.protocol.layout import WorkLayout

SETTLED = ev.CheckpointSettled(5.0, JOB, 1)


def leave(world: World, **contents: str) -> dict[str, Any]:
    """Let an attempt leave a checkpoint on the worker, and return what its agent says of it."""
    folder = WorkLayout(world.remote / "work").checkpoints("run1", JOB, 1)
    rows = put(folder, contents)
    return {"content_hash": content_hash(digest_directory(folder)), "files": rows}


def collect_failed(world: World, checkpoint: object) -> None:
    world.collect_failed({"outcome": "failed", "checkpoint": checkpoint})


def test_a_checkpoint_comes_home_before_the_worker_may_forget(world: World) -> None:
    collect_failed(world, leave(world, epoch="3"))
    assert world.event() == SETTLED
    newest = world.checkpoints.newest(JOB)
    assert newest and (newest.path / "epoch").read_text() == "3"
    assert world.line.sent == [msg.Release(JOB, 1)]
    assert not world.layout.incoming(JOB, 1).exists()


def test_one_with_strange_files_is_no_message(world: World) -> None:
    with pytest.raises(MessageError, match="unsafe path"):
        collect_failed(world, {**leave(world, epoch="3"), "files": [["../x", 1, SHA]]})


@pytest.mark.parametrize("wrong", [{"files": []}, {"content_hash": SHA}, {"problem": "too large"}])
def test_one_that_cannot_be_had_is_noted_and_waited_for_no_more(world: World, wrong: dict[str, Any]) -> None:
    collect_failed(world, {**leave(world, epoch="3"), **wrong})
    note = world.note()
    assert note.startswith(f"{JOB}: ") and "attempt 1" in note
    assert world.event() == SETTLED and world.checkpoints.newest(JOB) is None


def test_one_that_was_damaged_on_the_way_is_no_checkpoint(world: World) -> None:
    said = leave(world, epoch="3")
    leave(world, epoch="torn")
    collect_failed(world, said)
    assert "is not what its agent announced" in world.note()
    assert world.event() == SETTLED and world.checkpoints.newest(JOB) is None


def test_one_behind_a_broken_link_is_left_for_later(world: World) -> None:
    world.line.welcome = None
    collect_failed(world, leave(world, epoch="3"))
    assert world.silent() and world.line.sent == []


def test_one_of_a_seat_comes_home_though_its_agent_ended_with_its_allocation(world: World) -> None:
    world.remotes["lab1"] = replace(world.remotes["lab1"], outlives_agent=True)
    world.line.welcome, world.line.another = None, world.session
    collect_failed(world, leave(world, epoch="3"))
    assert world.event() == SETTLED
    newest = world.checkpoints.newest(JOB)
    assert newest and (newest.path / "epoch").read_text() == "3"


def test_one_of_a_seat_whose_login_host_is_away_is_left_for_later(world: World) -> None:
    world.remotes["lab1"] = replace(world.remotes["lab1"], outlives_agent=True)
    world.line.welcome = None
    collect_failed(world, leave(world, epoch="3"))
    assert world.silent() and world.line.sent == []


def test_one_that_is_home_is_not_looked_for_where_the_next_attempt_has_taken_it(world: World) -> None:
    said = leave(world, epoch="3")
    collect_failed(world, said)
    assert world.event() == SETTLED
    shutil.rmtree(WorkLayout(world.remote / "work").checkpoints("run1", JOB, 1))
    collect_failed(world, said)
    item = world.inbox.get(timeout=SOON_S)
    assert isinstance(item, Received) and item.event == SETTLED
    newest = world.checkpoints.newest(JOB)
    assert newest and (newest.path / "epoch").read_text() == "3"
    assert world.line.sent == [msg.Release(JOB, 1)] * 2


def test_it_is_brought_to_the_next_worker(world: World) -> None:
    said = leave(world, epoch="3")
    collect_failed(world, said)
    world.event()
    world.courier.deliver(cmd.Deliver("lab1", said["content_hash"]))
    assert world.event() == ev.Delivered(5.0, "lab1", said["content_hash"])
    there = WorkLayout(world.remote / "work").incoming("run1", said["content_hash"])
    assert (there / "epoch").read_text() == "3"


def test_one_that_was_damaged_at_home_is_given_up(world: World) -> None:
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


def test_a_success_needs_it_no_more(world: World) -> None:
    collect_failed(world, leave(world, epoch="3"))
    world.event()
    shutil.rmtree(world.remote)
    world.collect({"outcome": "succeeded"}, JOB, 2)
    item = world.inbox.get(timeout=SOON_S)
    assert isinstance(item, Received) and not isinstance(item, Noted)
    assert world.checkpoints.newest(JOB) is None
