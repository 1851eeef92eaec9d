"""Folders that come from somebody else: looking at them runs nothing of theirs."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from master.code.code_files import find_code
from master.orchestrator.summary_file import git_commit
from tests.support.needs import missing


@pytest.fixture
def received(tmp_path: Path) -> Path:
    """A checkout whose config names a program for git to run."""
    if shutil.which("git") is None:
        missing("there is no git: apt-get install git")
    folder, harm = tmp_path / "received", tmp_path / "harm"
    folder.mkdir()
    (folder / "train.py").write_text("print(1)\n")
    spy = tmp_path / "spy"
    spy.write_text(f"#!/bin/sh\ntouch {harm}\n")
    spy.chmod(0o755)
    for words in (["init", "-q"], ["add", "."], ["config", "core.fsmonitor", str(spy)]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    hooks = folder / "hooks"
    hooks.mkdir()
    shutil.copy(spy, hooks / "post-index-change")
    subprocess.run(["git", "config", "core.hooksPath", str(hooks)], cwd=folder, check=True)
    return folder


def test_looking_for_code_runs_no_program(received: Path, tmp_path: Path) -> None:
    assert Path("train.py") in find_code(received, [Path("train.py")], []).files
    assert not (tmp_path / "harm").exists()
    subprocess.run(["git", "ls-files", "--others"], cwd=received, check=True)
    assert (tmp_path / "harm").exists(), "asked in the usual way, git runs it"


def test_asking_for_the_commit_runs_no_program(received: Path, tmp_path: Path) -> None:
    who = ["-c", "user.name=x", "-c", "user.email=x@y"]
    usual = ["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"]
    subprocess.run(["git", *who, *usual, "commit", "-qm", "x"], cwd=received, check=True)
    assert len(git_commit(received) or "") >= 40
    assert not (tmp_path / "harm").exists()
