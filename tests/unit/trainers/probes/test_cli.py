"""The words of `train_probes`, without anything that trains."""

from __future__ import annotations

import sys

import pytest

from trainers.probes import cli


def test_what_is_missing_is_named_with_how_it_is_installed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "trainers.probes.command", None)
    assert cli.main(["--activations", "a.h5"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("train_probes: ") and told.endswith(f"{cli.NEEDS}\n") and told.count("\n") == 1


def test_an_interruption_says_that_the_same_command_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "train", interrupted)
    assert cli.main(["--activations", "a.h5"]) == cli.INTERRUPTED
    assert "the same command continues" in capsys.readouterr().err
