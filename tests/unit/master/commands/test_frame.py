"""What every command does around its work."""

from __future__ import annotations

import sys

import pytest

from master.commands import frame
from master.commands.frame import Command
from master.errors import ConfigError, SessionLost, UsageError

COMMAND = Command("train")


def ending(error: BaseException, command: Command = COMMAND) -> int:
    def work() -> int:
        raise error

    return command.run(work)


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (UsageError("--x: wrong"), 2, "--x: wrong"),
        (ConfigError("jobs.json", "job 3", "wrong"), 3, "jobs.json: job 3: wrong"),
        (SessionLost("lab1: a\x1b]0;title\x07b\n  c\a"), 1, "lab1: ab\n  c"),
        (OSError(28, "No space left on device", "/x"), 2, "/x: No space left on device"),
        (OSError(28, "No space left on device"), 2, "a file: No space left on device"),
        (KeyboardInterrupt(), 130, "interrupted before anything was started"),
    ],
)
def test_errors_are_one_message_and_an_exit_code(
    capsys: pytest.CaptureFixture[str], error: BaseException, code: int, says: str
) -> None:
    assert ending(error) == code
    assert capsys.readouterr().err == f"train: {says}\n"


def test_a_command_may_have_a_code_of_its_own_for_files_that_are_wrong() -> None:
    assert ending(ConfigError("jobs.json", "", "wrong"), Command("train", config_error=2)) == 2


def test_the_exit_code_is_that_of_the_work() -> None:
    assert [COMMAND.run(lambda code=code: code) for code in (0, 4)] == [0, 4]  # type: ignore[misc]


def test_a_reader_that_has_left_is_no_reason_to_complain(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    left: list[bool] = []
    monkeypatch.setattr(frame, "let_go_of_output", lambda: left.append(True))
    assert ending(BrokenPipeError()) == 1
    for gone in (BrokenPipeError(), SystemExit(1)):
        with COMMAND.printing():
            raise gone
    assert left == [True] * 3
    assert capsys.readouterr().err == ""


def test_output_that_cannot_be_written_is_said_and_ends_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(frame, "let_go_of_output", lambda: None)
    with COMMAND.printing():
        raise OSError(28, "No space left on device")
    assert "standard output cannot be written: No space left" in capsys.readouterr().err
    with pytest.raises(OSError, match="No space left"), COMMAND.printing():
        raise OSError(28, "No space left on device", "/x")


def test_what_is_printed_is_printed_before_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def flush(self) -> None:
            raise BrokenPipeError

    left: list[bool] = []
    monkeypatch.setattr(frame, "make_usable", lambda: None)
    monkeypatch.setattr(frame, "let_go_of_output", lambda: left.append(True))
    monkeypatch.setattr(sys, "stdout", Full())
    assert COMMAND.run(lambda: 0) == 1
    assert left == [True]
