"""The words of `run_all_training`."""

from __future__ import annotations

from pathlib import Path

import pytest

from master.commands.options.run_all_training import parse


def test_a_word_for_the_scripts_may_begin_with_dashes() -> None:
    options = parse(["--extra-arg", "--seed", "--extra-arg", "3", "--epochs", "2"])
    assert (options.extra_arg, options.epochs) == (["--seed", "3"], 2)


@pytest.mark.parametrize(
    ("words", "parallel"), [([], None), (["--parallel"], True), (["--no-parallel"], False)]
)
def test_whether_jobs_run_beside_each_other_may_be_left_open(words: list[str], parallel: bool | None) -> None:
    assert parse(words).parallel is parallel


def test_lists_grow_with_each_flag() -> None:
    options = parse(["--only", "a", "b", "--only", "c", "--discover-root", "x"])
    assert (options.only, options.discover_root) == (["a", "b", "c"], [Path("x")])


def test_usually_scripts_are_looked_for() -> None:
    options = parse([])
    assert options.auto_discover and not options.in_place and options.cluster_config is None
    assert not parse(["--no-auto-discover"]).auto_discover


@pytest.mark.parametrize(
    "words", [["--epochs", "0"], ["--epochs", "x"], ["--discov", "x"], ["--extra-arg"], ["x"]]
)
def test_what_is_no_word_of_it_ends_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(words)
    assert caught.value.code == 2 and "usage" in capsys.readouterr().err
