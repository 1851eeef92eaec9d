"""What is read of processes."""

from __future__ import annotations

import os
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


def test_a_process_has_ancestors_and_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "PROC", tmp_path)
    for pid, parent in ((12, 5), (5, 1), (1, 0)):
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "stat").write_text(f"{pid} (a) S {parent} 7 8 " + " ".join(["0"] * 15) + " 99")
    (tmp_path / "5" / "comm").write_bytes(b"a b\n")
    assert list(processes.ancestors(12)) == [5, 1] and list(processes.ancestors(13)) == []
    assert (processes.name_of(5), processes.name_of(13)) == (b"a b", b"")
    assert processes.read_process(12) == processes.Process(12, "S", 7, 8, 99, parent=5)


def test_the_user_of_a_process_is_named_as_far_as_it_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    owners = {1: None, 2: 4_000_000_000, 3: 0}
    monkeypatch.setattr(processes, "owner_of", owners.__getitem__)
    assert [processes.user_of(pid) for pid in owners] == ["", "user 4000000000", "root"]


def test_children_are_read_again_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "PROC", tmp_path)
    assert processes.Children().pids() == [], "where the kernel does not tell"
    pid = os.getpid()
    folder = tmp_path / str(pid) / "task" / str(pid)
    folder.mkdir(parents=True)
    (folder / "children").write_bytes(b"12 13 ")
    children = processes.Children()
    assert children.pids() == [12, 13]
    (folder / "children").write_bytes(b"13 14 15 ")
    assert children.pids() == [13, 14, 15]
    children.close()


def test_when_a_process_was_started_is_told_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "PROC", tmp_path)
    (tmp_path / "12").mkdir()
    (tmp_path / "12" / "stat").write_text("12 (a) b) R 1 12 12 " + " ".join(["0"] * 15) + " 99")
    assert (processes.start_ticks_of(12), processes.start_ticks_of(13)) == (99, -1)
