"""The example that runs nine scripts, six at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from examples.parallel_6workers_50epochs_5folds import main


def test_it_gives_the_command_that_its_name_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["--dry-run", "--only", "digits_mlp"]) == 0
    told = capsys.readouterr().out.replace("\n", " ")
    assert "train_digits_mlp.py --epochs 50" in " ".join(told.split())
    assert not list(tmp_path.iterdir())
