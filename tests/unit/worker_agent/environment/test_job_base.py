"""What jobs start from."""

from __future__ import annotations

from pathlib import Path

import pytest

from worker_agent.environment.job_base import interpreter_of, plain_base
from worker_agent.environment.setup_script import SetUp
from worker_agent.protocol.messages import Settings


def folder(root: Path, name: str, *programs: str) -> str:
    (root / name).mkdir()
    for program in programs:
        (root / name / program).touch(mode=0o755)
    return str(root / name)


def test_without_setup_it_is_the_agent_s_own() -> None:
    base = plain_base(Settings(env={"A": "1"}), {"B": "2", "SSH_TTY": "x"})
    assert (base.env["A"], base.env["B"], "SSH_TTY" in base.env) == ("1", "2", False)


def test_an_interpreter_that_setup_has_activated_is_the_jobs(tmp_path: Path) -> None:
    before = folder(tmp_path, "system", "python3", "python")
    conda = folder(tmp_path, "conda", "python3", "python")
    assert interpreter_of(SetUp({"PATH": f"{conda}:{before}"}, before), "own") == f"{conda}/python"
    assert interpreter_of(SetUp({"PATH": before}, before), "own") == "own"
    assert interpreter_of(SetUp({"PATH": f"/cuda:{before}"}, before), "own") == "own"


@pytest.mark.parametrize("made", [{}, {"PATH": ""}, {"PATH": "/nowhere"}])
def test_where_none_is_found_it_is_the_agent_s(made: dict[str, str]) -> None:
    assert interpreter_of(SetUp(made, "/bin"), "own") == "own"


def test_only_python3_may_be_there(tmp_path: Path) -> None:
    made = SetUp({"PATH": folder(tmp_path, "venv", "python3")}, "")
    assert interpreter_of(made, "own") == str(tmp_path / "venv" / "python3")
