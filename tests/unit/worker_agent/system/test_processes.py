"""What is read of processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from worker_agent.system import processes


@pytest.mark.parametrize(
    ("environment", "state", "becoming"),
    [(b"", "R", True), (b"A=1\0", "R", False), (b"", "Z", False), (None, "R", False)],
)
def test_a_living_process_without_environment_is_only_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: bytes | None, state: str, becoming: bool
) -> None:
    monkeypatch.setattr(processes, "PROC", tmp_path)
    folder = tmp_path / "12"
    folder.mkdir()
    (folder / "stat").write_text(f"12 (a) b) {state} 1 12 12 " + " ".join(["0"] * 15) + " 99")
    if environment is not None:
        (folder / "environ").write_bytes(environment)
    assert processes.is_becoming(12) is becoming


@pytest.mark.parametrize(
    ("shown", "command"),
    [(b"sleep\x00600\x00", "sleep 600"), (b"python\0-c\0a\n  b\xff\0", "python -c a b\ufffd"), (None, "")],
)
def test_the_command_of_a_process_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shown: bytes | None, command: str
) -> None:
    monkeypatch.setattr(processes, "PROC", tmp_path)
    (tmp_path / "12").mkdir()
    if shown is not None:
        (tmp_path / "12" / "cmdline").write_bytes(shown)
    assert processes.command_of(12) == command
