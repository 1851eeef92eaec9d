"""The words of `twophase base`."""

from __future__ import annotations

from pathlib import Path

import pytest

from master.verbs.stored.base import main, parser


@pytest.mark.parametrize(
    "words",
    [
        ["ls"],
        ["verify", "--json"],
        ["log", "abcdef"],
        ["diff", "abcdef", "fedcba"],
        ["pin", "abcdef", "--why", "x"],
        ["unpin", "abcdef"],
        ["gc", "jobs.json", "--trainer", "sae", "--yes"],
    ],
)
def test_each_is_about_a_run(words: list[str]) -> None:
    assert parser().parse_args([*words, "--run", "there"]).run == Path("there")


@pytest.mark.parametrize("words", [[], ["log"], ["diff", "abcdef"], ["gc", "-m", "a", "--trainer", "sae"]])
def test_wrong_words_are_refused(words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(words)
    assert ended.value.code == 2


def test_a_directory_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ls", "--run", str(tmp_path / "nowhere")]) == 2
    assert "is no directory" in capsys.readouterr().err
