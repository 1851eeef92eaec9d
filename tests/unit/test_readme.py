"""What README shows works."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from master.intake.jobs import parse_jobs

README = (Path(__file__).parents[2] / "README.md").read_text()
(SCRIPT,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def run_phase(phase: str, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("TWOPHASE_PHASE", phase)
    for name in ("BASE_MODEL", "OUTPUT"):
        monkeypatch.setenv(f"TWOPHASE_{name}_DIR", str(folder / name))
        (folder / name).mkdir(exist_ok=True)
    own = {
        "args": SimpleNamespace(lr=0.5, seed=3),
        "train": lambda seed: {"weight": seed},
        "fine_tune": lambda model, lr: {"loss": model["weight"] * lr},
    }
    exec(SCRIPT, {"json": json, "os": os, "Path": Path, **own})


def test_the_script_makes_a_base_model_and_starts_from_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run_phase("1", monkeypatch, tmp_path)
    assert list((tmp_path / "OUTPUT").iterdir()) == [] != list((tmp_path / "BASE_MODEL").iterdir())
    run_phase("2", monkeypatch, tmp_path)
    assert json.loads((tmp_path / "OUTPUT" / "metrics.json").read_text()) == {"loss": 1.5}


def test_the_jobs_file_that_is_an_object_shares_as_it_says() -> None:
    (text,) = re.findall(r'^ *(\{"base_model": .*\})$', README, re.MULTILINE)
    jobs = parse_jobs(text, code="x")
    assert (len(jobs.base_models), len(jobs.jobs)) == (2, 4)
