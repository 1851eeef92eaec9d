"""The fake keeps tests honest: it refuses what was not scripted."""

from __future__ import annotations

from pathlib import Path

import pytest

from master.errors import SessionLost
from tests.support.fake_session import Call, FakeSession, Reply


def test_a_command_that_was_not_scripted_is_refused() -> None:
    session = FakeSession()
    session.script("ls", "-l", behaviour=Reply())
    with pytest.raises(AssertionError, match="not scripted"):
        session.run(["ls"])
    with pytest.raises(AssertionError, match="not scripted"):
        session.open_channel(["ls", "-l"])


def test_a_transfer_without_a_root_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="not scripted"):
        FakeSession().push(tmp_path, "~/x")


def test_the_longest_match_answers_and_calls_are_kept() -> None:
    session = FakeSession()
    session.script("ls", behaviour=Reply(stdout=b"short"))
    session.script("ls", "-l", behaviour=lambda rest, stdin: Reply(stdout=" ".join(rest).encode() + stdin))
    assert session.run(["ls"]).stdout == b"short"
    assert session.run(["ls", "-l", "a", "b"], stdin=b"!").stdout == b"a b!"
    assert session.calls == [Call("run", ("ls",)), Call("run", ("ls", "-l", "a", "b"), b"!")]


def test_a_channel_can_be_driven_from_both_ends() -> None:
    session = FakeSession()
    session.script_channel("agent", listener=lambda data: data.upper())
    channel = session.open_channel(["agent", "connect"])
    session.channels[0].say(b"hello")
    channel.send(b"a")
    assert (channel.receive(), channel.receive(), channel.sent) == (b"hello", b"A", b"a")
    session.channels[0].drop()
    with pytest.raises(SessionLost):
        channel.receive()
