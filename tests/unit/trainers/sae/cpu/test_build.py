"""Libraries are compiled once, into a folder of the user's own, and what stands in the way is said."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path
from typing import Any

import pytest

from trainers.sae.cpu import build
from trainers.sae.cpu.build import NoLibrary

find = build.library.__wrapped__


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(build.shutil, "which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(ctypes, "CDLL", lambda path: path)
    return tmp_path / "twophase" / "libraries"


def compiles(monkeypatch: pytest.MonkeyPatch, code: int = 0, words: str = "") -> list[list[str]]:
    """Stand in for the compiler; return the commands that it is given."""
    given: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        given.append(command)
        if not code:
            Path(command[-1]).write_bytes(b"library")
        return subprocess.CompletedProcess(command, code, "", words)

    monkeypatch.setattr(subprocess, "run", run)
    return given


def test_it_is_compiled_once_and_nothing_else_is_left(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    given = compiles(monkeypatch)
    assert find() == find() and len(given) == 1
    assert given[0][:2] == ["/bin/c++", "-std=c++17"] and "-march=native" in given[0]
    (kept,) = cache.iterdir()
    assert kept.read_bytes() == b"library" and cache.stat().st_mode & 0o777 == 0o700


def test_another_source_or_compiler_is_another_library(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    given = compiles(monkeypatch)
    find()
    monkeypatch.setenv("CXX", "clang++")
    find()
    monkeypatch.setattr(build, "SOURCE", "other")
    find()
    assert len(given) == 3 and given[1][0] == "/bin/clang++" and len(list(cache.iterdir())) == 3


def test_what_stands_in_the_way_is_said(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    compiles(monkeypatch, 1, "line\nerror: no")
    with pytest.raises(NoLibrary, match="failed: error: no"):
        find()
    assert not list(cache.iterdir())
    cache.chmod(0o777)
    with pytest.raises(NoLibrary, match="can be written to by others"):
        find()
    monkeypatch.setattr(build.shutil, "which", lambda name: None)
    with pytest.raises(NoLibrary, match="there is no C"):
        find()


def test_a_compiler_that_does_not_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(command: list[str], **options: Any) -> None:
        raise subprocess.TimeoutExpired(command, options["timeout"])

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(NoLibrary, match="took more than 120 s"):
        find()
