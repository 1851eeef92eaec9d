"""A log goes to a terminal harmless, to a pipe as it is, to a program as JSON."""

from __future__ import annotations

import pytest

from master.core.harmless import PLAIN
from master.core.harmless_stream import REWRITE
from master.verbs.common.log_sinks import JsonSink, RawSink, TerminalSink
from tests.unit.master.verbs.published import as_published

NOISE = b"\x1b[31mred\x1b[0m\n 10%\r 20%"


def test_a_terminal_gets_what_is_harmless(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    said = list[str]()
    sink = TerminalSink(said.append)
    sink.begin(1)
    sink.write(0, 0, NOISE)
    sink.say("w1 is not connected")
    sink.write(900, 600, b"more")
    sink.end("succeeded")
    assert capsys.readouterr().out == f"red\n 10%{REWRITE} 20%\nmore\n"
    assert said == ["w1 is not connected", "600 bytes were cut here, to keep the log within its limit"]


def test_colours_stay_and_end_before_anything_else_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    sink = TerminalSink(print)
    sink.write(0, 0, b"\x1b[1;31mred")
    sink.say("w1 is not connected")
    assert capsys.readouterr().out == f"\x1b[1;31mred\n{PLAIN}w1 is not connected\n"
    sink.write(12, 0, b" and \x1b[2Jmore\n")
    sink.end("succeeded")
    assert capsys.readouterr().out == f" and more\n{PLAIN}"


def test_a_dumb_terminal_is_sent_no_escapes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    sink = TerminalSink(lambda text: None)
    sink.write(0, 0, NOISE)
    sink.end("succeeded")
    assert capsys.readouterr().out == "red\n 10%\n 20%\n"


def test_a_pipe_gets_the_bytes(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    said = list[str]()
    sink = RawSink(said.append)
    sink.begin(1)
    sink.write(0, 0, NOISE)
    sink.write(900, 5, b"\xff")
    sink.end("succeeded")
    assert capfdbinary.readouterr().out == NOISE + b"\xff" and len(said) == 1


def test_a_program_gets_objects(capsys: pytest.CaptureFixture[str]) -> None:
    sink = JsonSink("a/b")
    sink.begin(2)
    for at, piece in enumerate(("ü".encode()[:1], "ü".encode()[1:])):
        sink.write(at, 0, piece)
    sink.say("waits")
    sink.end("failed")
    lines = capsys.readouterr().out.splitlines()
    assert [as_published("logs_follow", line) for line in lines] == [
        {"job_id": "a/b", "begin": 2},
        {"job_id": "a/b", "attempt": 2, "offset": 0, "cut": 0, "text": ""},
        {"job_id": "a/b", "attempt": 2, "offset": 1, "cut": 0, "text": "ü"},
        {"job_id": "a/b", "says": "waits"},
        {"job_id": "a/b", "end": "failed"},
    ]
