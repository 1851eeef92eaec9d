"""The logs of failed attempts come home, or it is said that they are lost."""

from __future__ import annotations

import pytest

from tests.support.attempt_paths import paths_of
from tests.support.courier_world import (
    JOB,
    SHA,
    put,
)
from tests.support.courier_world import CourierWorld as World
from worker_agent.protocol import messages as msg
from worker_agent.protocol.codec import MessageError


def test_the_log_of_a_failure_is_fetched_then_the_worker_may_forget(world: World) -> None:
    (row,) = put(paths_of(world.attempt()).log.parent, {"log.txt": "Traceback\n"})
    world.collect_failed({"outcome": "failed", "log": row})
    world.courier.close()
    assert world.layout.log(JOB, 1).read_text() == "Traceback\n"
    assert world.line.sent == [msg.Release(JOB, 1)]


@pytest.mark.parametrize("row", [["../log.txt", 1, SHA], 3], ids=repr)
def test_a_log_that_cannot_be_is_no_message(world: World, row: object) -> None:
    with pytest.raises(MessageError, match=r"Finished\.log"):
        world.collect_failed({"log": row})


def test_a_log_that_cannot_be_had_is_noted_and_let_go(world: World) -> None:
    world.collect_failed({"log": ["log.txt", 1, SHA]})
    assert world.note().startswith("alpha/job: the log of attempt 1 is lost:")
    world.courier.close()
    assert world.line.sent == [msg.Release(JOB, 1)]


def test_a_log_behind_a_broken_link_is_left_for_later(world: World) -> None:
    world.line.welcome = None
    world.collect_failed({"log": ["log.txt", 1, SHA]})
    assert world.silent()
    assert world.line.sent == []
