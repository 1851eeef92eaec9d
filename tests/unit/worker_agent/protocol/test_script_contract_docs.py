"""What the page shows of the contract works on a worker, where nothing of ours is installed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from worker_agent.protocol import script_contract as contract

PAGE = (Path(__file__).parents[4] / "docs" / "script_contract.md").read_text()
(SNIPPET,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
NAMES = [
    value for name, value in vars(contract).items() if name.isupper() and str(value).startswith("TWOPHASE_")
]


def run(monkeypatch: pytest.MonkeyPatch, **env: str) -> dict[str, Any]:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    found: dict[str, Any] = {}
    exec(SNIPPET, found)
    return found


def test_every_variable_is_told() -> None:
    assert len(NAMES) == 11
    assert [name for name in NAMES if f"`{name}`" not in PAGE] == []


def test_the_snippet_imports_nothing_of_ours() -> None:
    assert not re.search(r"worker_agent|master|trainers|twophase\b", SNIPPET)


def test_in_a_job_it_finds_what_the_agent_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env = {contract.OUTPUT_DIR: "/out", contract.BASE_MODEL_DIR: "/base", contract.PHASE: "1"}
    found = run(monkeypatch, **env, **{contract.PROGRESS_FILE: str(tmp_path / "progress")})
    assert (found["output_dir"], found["base_model_dir"]) == (Path("/out"), "/base")
    assert found["trains_base_model"] is True
    found["tell_progress"](3, 40, loss=0.5)
    told = json.loads((tmp_path / "progress").read_text())
    assert told == {"epoch": 3, "epochs": 40, "metrics": {"loss": 0.5}}


def test_by_hand_it_works_too(monkeypatch: pytest.MonkeyPatch) -> None:
    found = run(monkeypatch)
    assert (found["output_dir"], found["base_model_dir"]) == (Path("results"), None)
    assert found["trains_base_model"] is False
    found["tell_progress"](1, 2)
