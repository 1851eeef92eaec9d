"""How an agent is started: at most one for a run, and who asked is told why there is none."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from worker_agent.protocol.layout import StateLayout
from worker_agent.runtime import daemon
from worker_agent.runtime.daemon import AgentHeldError, serve, serve_allocation
from worker_agent.runtime.eviction import Term


@pytest.fixture
def layout(tmp_path: Path) -> StateLayout:
    return StateLayout(tmp_path / "state", "host", "r1")


class FakeAgent:
    """An agent that ends at once."""

    idle_s = 0.0
    term: Term | None = None

    def __init__(self, layout: StateLayout, digest: str, idle_s: float, term: Term | None = None) -> None:
        FakeAgent.idle_s, FakeAgent.term = idle_s, term

    def run(self) -> None:
        """The run is over."""


@pytest.fixture(autouse=True)
def fake_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemon, "AgentProcess", FakeAgent)
    monkeypatch.setattr(daemon.gc, "freeze", lambda: None)
    monkeypatch.setattr(daemon, "_introduce", lambda: None)


def test_an_agent_holds_the_lock_of_its_run_while_it_serves(
    layout: StateLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWOPHASE_AGENT_IDLE_S", "12")
    held = []

    def ready() -> None:
        with pytest.raises(AgentHeldError):
            serve(layout, "d", lambda: None)
        held.append(int(layout.lock.read_text()))

    serve(layout, "d", ready)
    assert held == [os.getpid()] and FakeAgent.idle_s == 12.0
    serve(layout, "d", lambda: None)


def test_a_lock_file_that_an_ending_agent_removes_is_not_taken_for_the_runs(
    layout: StateLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = iter([False, True])
    monkeypatch.setattr(daemon, "_is_at", lambda descriptor, path: next(looks))
    serve(layout, "d", lambda: None)
    assert next(looks, None) is None


def test_a_lock_is_known_by_its_file(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with path.open("w") as stream:
        assert daemon._is_at(stream.fileno(), path)
        path.unlink()
        assert not daemon._is_at(stream.fileno(), path)
        path.write_text("another")
        assert not daemon._is_at(stream.fileno(), path)


def become(layout: StateLayout, monkeypatch: pytest.MonkeyPatch, serve: Any) -> tuple[int, str]:
    """Return the exit code of an agent that serves so, and what who asked for it is told."""
    reader, writer = os.pipe()
    kept = os.dup(writer)
    monkeypatch.setattr(daemon, "serve", serve)
    monkeypatch.setattr(daemon, "_detach", lambda log, keep: None)
    code = daemon._become_agent(layout, "d", writer)
    if code or serve is held:
        os.close(writer)
    os.close(kept)
    with os.fdopen(reader, "rb") as stream:
        return code, stream.read().decode()


def held(layout: StateLayout, digest: str, ready: Any) -> None:
    raise AgentHeldError("lock")


def test_one_that_finds_another_ends_in_silence(layout: StateLayout, monkeypatch: pytest.MonkeyPatch) -> None:
    assert become(layout, monkeypatch, held) == (0, "")


def test_one_that_serves_says_nothing(layout: StateLayout, monkeypatch: pytest.MonkeyPatch) -> None:
    assert become(layout, monkeypatch, lambda layout, digest, ready: ready()) == (0, "")


def test_one_that_cannot_start_says_why(layout: StateLayout, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(layout: StateLayout, digest: str, ready: Any) -> None:
        raise OSError(28, "No space left on device")

    code, told = become(layout, monkeypatch, full)
    assert code == 1 and told == "cannot start the agent: [Errno 28] No space left on device"


def test_one_that_fails_by_our_fault_points_to_its_log(
    layout: StateLayout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def wrong(layout: StateLayout, digest: str, ready: Any) -> None:
        raise KeyError("oops")

    code, told = become(layout, monkeypatch, wrong)
    assert code == 1 and f"the agent failed, see {layout.log}" in told and "oops" in told
    assert "KeyError: 'oops'" in capsys.readouterr().err


@pytest.mark.parametrize("start", [daemon.start_detached, daemon.start_in_terminal])
def test_who_starts_an_agent_is_told_what_it_says(
    layout: StateLayout, monkeypatch: pytest.MonkeyPatch, start: Any
) -> None:
    pipes: list[int] = []
    pipe = os.pipe

    def kept_pipe() -> tuple[int, int]:
        reader, writer = pipe()
        pipes.append(writer)
        os.write(writer, b"no room")
        return reader, writer

    monkeypatch.setattr(daemon.os, "pipe", kept_pipe)
    monkeypatch.setattr(daemon.os, "fork", lambda: 4711)
    monkeypatch.setattr(daemon.os, "waitpid", lambda pid, flags: (pid, 0))
    assert start(layout, "d") == "no room"


def test_the_agent_of_an_allocation_waits_for_the_one_of_the_last(
    layout: StateLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, looks = [True, True, False], list[float]()

    def serve_or_not(layout: StateLayout, digest: str, ready: Any, term: Term) -> None:
        if held.pop(0):
            raise AgentHeldError("held")
        ready()

    monkeypatch.setattr(daemon, "serve", serve_or_not)
    monkeypatch.setattr(daemon.time, "sleep", looks.append)
    serve_allocation(layout, "d", Term(60.0, 15.0), lambda: looks.append(-1.0))
    assert looks == [0.5, 0.5, -1.0]


def test_it_does_not_wait_for_ever(layout: StateLayout, monkeypatch: pytest.MonkeyPatch) -> None:
    def held(*_: object) -> None:
        raise AgentHeldError("held")

    clock = iter(range(0, 1000, 30))
    monkeypatch.setattr(daemon, "serve", held)
    monkeypatch.setattr(daemon.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(daemon.time, "monotonic", lambda: next(clock))
    with pytest.raises(AgentHeldError):
        serve_allocation(layout, "d", Term(), lambda: None)


def test_an_agent_is_told_its_term(layout: StateLayout) -> None:
    serve_allocation(layout, "d", Term(60.0, 15.0), lambda: None)
    assert FakeAgent.term == Term(60.0, 15.0)
