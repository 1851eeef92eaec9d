"""Which workers `run_two_phase`, `twophase run` and `twophase plan` take where none are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from master.commands.options.run_two_phase import NAME, parse
from master.commands.options.usual_config import USUAL_CONFIG
from master.commands.run_two_phase import with_usual_config

WORDS = ["--script-path", "train.py", "--grid", "lr=1"]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    USUAL_CONFIG.write_text("{}")
    return USUAL_CONFIG


@pytest.mark.parametrize("name", ["twophase run", "twophase plan"])
def test_the_verbs_take_the_config_that_init_writes_and_say_so(
    name: str, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert with_usual_config(parse(WORDS), name).cluster_config == config
    assert "the workers are those of cluster_config.json here" in capsys.readouterr().err


def test_the_older_command_says_that_it_does_not(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert with_usual_config(parse(WORDS), NAME).cluster_config is None
    assert f"{config} lies here and is not used: give --cluster-config {config}" in capsys.readouterr().err


@pytest.mark.parametrize("more", [["--cluster-config", "lab.json"], ["--verify"]])
def test_what_is_named_or_needs_no_workers_stays(
    more: list[str], config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert config.exists()
    options = parse([*WORDS, *more])
    assert with_usual_config(options, "twophase run") == options
    assert capsys.readouterr().err == ""


def test_where_there_is_none_nothing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert with_usual_config(parse(WORDS), "twophase run").cluster_config is None
    assert capsys.readouterr().err == ""
