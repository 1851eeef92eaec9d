"""Jobs of a group whose disk is full: they end all the same."""

from __future__ import annotations

import os
from typing import Any

import pytest

from worker_agent.executors.resident_members import Everyone, GroupMember


def member(path: str, told: list[dict[str, Any]]) -> GroupMember:
    request = {"id": 1, "argv": [], "env": {}, "cwd": "/"}
    return GroupMember(request, [os.open(path, os.O_WRONLY), os.open(os.devnull, os.O_RDONLY)], told.append)


@pytest.mark.parametrize("path", [os.devnull, "/dev/full"])
def test_a_member_ends_whatever_its_disk_has_room_for(path: str) -> None:
    told: list[dict[str, Any]] = []
    finished, lost = member(path, told), member(path, told)
    for one in (finished, lost):
        one.output.write("half a line")
    finished.finish(0)
    lost.lose("why")
    assert told == [{"id": 1, "code": 0}, {"id": 1, "lost": "why"}]
    assert finished.output.closed and lost.output.closed
    with pytest.raises(RuntimeError, match="a job ends once"):
        finished.finish(0)


def test_what_all_are_told_reaches_those_that_have_room() -> None:
    told: list[dict[str, Any]] = []
    full, fine, ended = member("/dev/full", told), member(os.devnull, told), member(os.devnull, told)
    ended.finish(0)
    assert Everyone([full, ended, fine]).write("a line\n") == 7
    for one in (full, fine):
        one.finish(0)
    assert len(told) == 3
