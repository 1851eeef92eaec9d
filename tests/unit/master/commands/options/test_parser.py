"""What every command's parser knows."""

from __future__ import annotations

import pytest

from master.commands.options.parser import new_parser
from worker_agent import __version__


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        new_parser("train", "Trains.", "").parse_args(["--version"])
    assert capsys.readouterr().out == f"train {__version__}\n"


def test_what_is_wrong_comes_first_and_where_help_is_last(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        new_parser("train", "Trains.", "").parse_args(["--x"])
    usage = "usage: train [options]; train --help tells them all"
    assert capsys.readouterr().err == f"train: error: unrecognized arguments: --x\n{usage}\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["verfy"], "argument what: `verfy` is unknown: did you mean `verify`?"),
        (["zzzzz"], "argument what: `zzzzz` is unknown: allowed are ls, verify"),
        (["ls", "--wrker", "lab1"], "unrecognized arguments: --wrker lab1: did you mean --worker?"),
        (["ls", "--zzzzz=1"], "unrecognized arguments: --zzzzz=1"),
        (["ls", "more"], "unrecognized arguments: more"),
    ],
)
def test_what_was_probably_meant_is_named(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = new_parser("cache", "Keeps.", "", allow_abbrev=False)
    parser.add_argument("what", choices=("ls", "verify"))
    parser.add_argument("--worker")
    with pytest.raises(SystemExit, match="2"):
        parser.parse_args(words)
    assert capsys.readouterr().err.splitlines()[0] == f"cache: error: {told}"
