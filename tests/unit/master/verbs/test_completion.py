"""What a shell completes."""

from __future__ import annotations

import importlib.util
import sys

import pytest

from master.verbs.completion import SHELLS, main, whole_parser
from master.verbs.table import VERBS


def test_one_parser_has_all_verbs_with_their_words() -> None:
    arguments = whole_parser().parse_args(["ps", "--failed", "--run", "x"])
    assert (arguments.verb, arguments.state) == ("ps", ("failed",))
    assert all(f"    {name}" in whole_parser().format_help() for name in VERBS)


def test_what_makes_the_script_is_named_where_it_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert main(["bash"]) == 2
    assert "pip install 'twophase[completion]'" in capsys.readouterr().err


@pytest.mark.skipif(importlib.util.find_spec("shtab") is None, reason="needs shtab")
@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_knows_the_verbs(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([shell]) == 0
    script = capsys.readouterr().out
    assert all(word in script for word in (*VERBS, "where", "failed"))
