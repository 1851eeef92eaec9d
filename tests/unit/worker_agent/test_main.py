"""The agent's commands: what they take, and what they say where something is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from worker_agent import __main__ as program
from worker_agent.protocol.layout import StateLayout
from worker_agent.protocol.lines import PREAMBLE
from worker_agent.protocol.messages import AUTO, Settings
from worker_agent.runtime import bridge, daemon
from worker_agent.runtime.daemon import AgentHeldError


def call(command: str, tmp_path: Path, *more: str) -> int:
    return program.main([command, "--state-dir", str(tmp_path), "--run-id", "r1", "--digest", "d", *more])


@pytest.mark.parametrize("run_id", ["", ".", "..", "a/b", "x" * 101])
def test_a_run_id_is_safe_as_a_directory_name(
    run_id: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as error:
        program.main(["serve", "--state-dir", str(tmp_path), "--run-id", run_id, "--digest", "d"])
    assert error.value.code == 2
    assert "allowed are 1 to 100 letters, digits" in capsys.readouterr().err


def test_serving_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(daemon, "serve", lambda layout, digest, ready: ready())
    assert call("serve", tmp_path) == 0
    assert "serving at" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (AgentHeldError("x"), "an agent of run r1 runs already"),
        (OSError(28, "No space left on device"), "worker_agent: [Errno 28] No space left on device"),
    ],
)
def test_what_is_wrong_is_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    said: str,
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(daemon, "serve", fail)
    assert call("serve", tmp_path) == 1
    told = capsys.readouterr().err
    assert said in told and len(told.splitlines()) == 1


class Connection:
    """An agent's end that says a word and hangs up."""

    def __init__(self) -> None:
        self.words = [b"hello", b""]

    def recv(self, size: int) -> bytes:
        return self.words.pop(0)

    def shutdown(self, how: int) -> None:
        """Our input has ended."""


def reached(monkeypatch: pytest.MonkeyPatch, connections: list[Any], problem: str | None = None) -> list[str]:
    """Have these connections found, one after the other; return which starts were tried."""
    starts: list[str] = []

    def start(kind: str) -> Any:
        def begin(layout: StateLayout, digest: str) -> str | None:
            starts.append(kind)
            return problem

        return begin

    monkeypatch.setattr(bridge, "connect", lambda path: connections.pop(0))
    monkeypatch.setattr(daemon, "start_detached", start("detached"))
    monkeypatch.setattr(daemon, "start_in_terminal", start("in terminal"))
    monkeypatch.setattr(bridge, "stay_in_background", lambda: None)
    monkeypatch.setattr(bridge.os, "read", lambda descriptor, size: b"")
    return starts


def test_connecting_bridges_to_the_agent_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    starts = reached(monkeypatch, [Connection()])
    assert call("connect", tmp_path) == 0
    assert capfdbinary.readouterr().out == PREAMBLE + b"hello" and starts == []


@pytest.mark.parametrize(("more", "kind"), [([], "detached"), (["--in-terminal"], "in terminal")])
def test_connecting_starts_an_agent_where_none_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: list[str], kind: str
) -> None:
    starts = reached(monkeypatch, [None, Connection()])
    assert call("connect", tmp_path, *more) == 0 and starts == [kind]


def test_why_no_agent_starts_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reached(monkeypatch, [None], "cannot start the agent: no room")
    assert call("connect", tmp_path) == 1
    assert capsys.readouterr().err == "worker_agent: cannot start the agent: no room\n"


def test_an_agent_that_does_not_answer_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bridge, "_START_S", 0.0)
    reached(monkeypatch, [])
    assert call("connect", tmp_path) == 1
    assert "the agent does not answer at" in capsys.readouterr().err


def test_the_flags_of_gpus_say_what_the_settings_have() -> None:
    args = program._parser().parse_args(["gpus"])
    assert (args.gpus, args.gpu_reserve) == (AUTO, None)


def test_the_reserve_that_help_names_is_that_of_the_settings(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        program.main(["gpus", "--help"])
    assert f"({Settings.gpu_reserve:,})" in capsys.readouterr().out


def test_an_agent_in_an_allocation_is_at_the_place_of_its_seat(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[Any] = []
    monkeypatch.setattr(daemon, "serve_allocation", lambda *words: served.append(words))
    assert call("serve", tmp_path, "--place", "hpc.1", "--lasts-s", "60", "--notice-s", "15") == 0
    layout, digest, term, _ = served[0]
    assert layout == StateLayout(tmp_path, "hpc.1", "r1", in_allocation=True)
    assert (digest, term.lasts_s, term.notice_s) == ("d", 60.0, 15.0)


def test_who_connects_without_starting_waits_for_an_agent_and_says_where_it_would_speak(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bridge, "_start", lambda *_: pytest.fail("started"))
    assert call("connect", tmp_path, "--place", "hpc.1", "--no-start", "--wait", "0") == 1
    assert "no agent of run r1 serves here; what it has said is in" in capsys.readouterr().err


def test_a_place_is_safe_as_a_directory_name(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        call("serve", tmp_path, "--place", "../x")
