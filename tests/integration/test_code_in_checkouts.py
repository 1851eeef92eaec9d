"""Snapshots of real checkouts, and programs that run from nothing but a snapshot."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from master.code.snapshot import Program, take_snapshot, trainer_sources
from master.code.sources import CodeRequest, Sources, find_sources
from master.code.trainer_manifest import find_trainer_manifest
from tests.support.needs import missing


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    if shutil.which("git") is None:
        missing("git is not installed")
    folder = tmp_path / "project"
    write(folder, "train.py", ".gitignore", "env/__init__.py", "build/tool.py")
    (folder / ".gitignore").write_text("ignored*\n")
    git(folder, "init", "-q")
    git(folder, "add", ".")
    return folder


def write(folder: Path, *names: str, content: str = "x") -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)


def git(folder: Path, *arguments: str) -> None:
    settings = ("-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "protocol.file.allow=always")
    subprocess.run(["git", *settings, *arguments], cwd=folder, check=True, capture_output=True)


def find_script(script: Path, run_dir: Path) -> Sources:
    return find_sources(CodeRequest(script, project_root=script.parent, written_by_runs=(run_dir,)))


def found(script: Path) -> list[str]:
    return sorted(map(str, find_script(script, script.parent / "run").files))


def test_git_tells_what_is_code(checkout: Path) -> None:
    write(checkout, "new.py", "ignored.bin", "ignored/x.py", "experiments/m.json", "run/x")
    assert found(checkout / "train.py") == [
        *(".gitignore", "build/tool.py", "env/__init__.py", "new.py", "train.py")
    ]


def test_a_tracked_file_that_was_deleted_is_no_code(checkout: Path) -> None:
    (checkout / "build" / "tool.py").unlink()
    assert found(checkout / "train.py") == [".gitignore", "env/__init__.py", "train.py"]


def test_only_the_folder_of_the_script_counts(checkout: Path) -> None:
    write(checkout, "src/train.py", "src/model.py")
    assert found(checkout / "src" / "train.py") == ["model.py", "train.py"]


def test_the_siblings_of_an_ignored_script_come_along(checkout: Path) -> None:
    write(checkout, "ignored/train.py", "ignored/model.py")
    assert found(checkout / "ignored" / "train.py") == ["model.py", "train.py"]


def test_a_submodule_is_code(checkout: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    write(library, "lib.py")
    git(library, "init", "-q")
    git(library, "add", ".")
    git(library, "commit", "-q", "-m", "x")
    git(checkout, "submodule", "--quiet", "add", str(library), "lib")
    write(checkout, "lib/__pycache__/x.pyc", "lib/new.py")
    assert [name for name in found(checkout / "train.py") if name.startswith("lib/")] == [
        "lib/lib.py",
        "lib/new.py",
    ]


def shown(program: Program, folder: Path) -> Path:
    """Return a working directory as jobs get it: links to the snapshot's entries."""
    folder.mkdir()
    for entry in program.directory.iterdir():
        (folder / entry.name).symlink_to(entry)
    return folder


def run(program: Program, folder: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable if word == "{python}" else word for word in program.argv]
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run([*argv, *flags], cwd=folder, env=environ, capture_output=True, text=True)


def test_a_script_imports_its_siblings_from_the_snapshot(tmp_path: Path) -> None:
    write(
        tmp_path, "src/train.py", content="from pkg.model import NAME\nimport other\nprint(NAME, other.NAME)"
    )
    write(tmp_path, "src/pkg/__init__.py", "src/pkg/model.py", content="NAME = __name__")
    write(tmp_path, "src/other.py", content="NAME = __file__")
    program = take_snapshot(find_script(tmp_path / "src" / "train.py", tmp_path), tmp_path / "code")
    shutil.rmtree(tmp_path / "src")
    done = run(program, shown(program, tmp_path / "work"))
    assert done.stdout.split()[0] == "pkg.model", done.stderr
    assert Path(done.stdout.split()[1]).resolve() == program.directory / "other.py"


@pytest.mark.parametrize("name", ["personalization", "probes"])
def test_a_trainer_runs_from_the_snapshot_alone(name: str, tmp_path: Path) -> None:
    program = take_snapshot(trainer_sources(find_trainer_manifest(name)), tmp_path / "code")
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / program.shown_at).symlink_to(program.directory)
    done = run(program, tmp_path / "work", "--help")
    assert done.returncode == 0, done.stderr
    assert "usage:" in done.stdout
