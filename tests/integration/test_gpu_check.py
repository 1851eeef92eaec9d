"""The check of a GPU, small and on a CPU: all of its code runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.gpu_check.__main__ import main


@pytest.fixture(autouse=True)
def few_threads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("TWOPHASE_SLOT_DIR", str(tmp_path / "slots"))


@pytest.mark.timeout(1500)
@pytest.mark.parametrize(
    ("part", "figure"),
    [
        ("probes", "probes: an epoch, s"),
        ("people", "people: mlp: a step of 4, ms"),
        pytest.param("search", "search: one at a time over packed", marks=pytest.mark.slow),
        pytest.param("sae", "sae: ours over compiled dense, d 32", marks=pytest.mark.slow),
        pytest.param("tabular", "tabular: three networks: packed over in turn", marks=pytest.mark.slow),
    ],
)
def test_a_part_runs_small(part: str, figure: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--cpu", "--only", part, "two cards"]) == 0
    *lines, last = capsys.readouterr().out.splitlines()
    told = json.loads(last)
    measured, skipped = told["parts"]
    assert measured["figures"][figure] > 0 and not measured["failed"]
    assert any(line.startswith(figure) for line in lines)
    assert skipped["skipped"] == "needs 2 cards, here are 0"


def test_without_a_gpu_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert main([]) == 2
    assert "no CUDA GPU" in capsys.readouterr().err
