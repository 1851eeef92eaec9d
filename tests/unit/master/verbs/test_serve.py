"""`twophase serve` before it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from master.verbs import serve


def test_a_directory_that_holds_a_run_is_refused(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert serve.main([str(run)]) == 2
    told = capsys.readouterr().err
    assert told.startswith("twophase serve: ") and "holds a run with jobs of its own" in told
    assert told.count("\n") == 1


def test_the_usual_cluster_config_is_taken_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cluster_config.json").write_text("{")
    assert serve.main(["standing"]) == 3
    told = capsys.readouterr().err
    assert "the workers are those of cluster_config.json here" in told
    assert not (tmp_path / "standing").exists()
