"""What is copied as code, and what is not."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from master.code.snapshot import Program, take_snapshot, trainer_sources
from master.code.sources import CodeRequest, Sources, find_sources
from master.code.trainer_manifest import find_trainer_manifest
from master.errors import ConfigError, UsageError
from worker_agent.protocol.digests import content_hash, digest_directory


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder outside any checkout, with a script and a module."""
    folder = tmp_path / "project"
    write(folder, "train.py", "pkg/__init__.py")
    return folder


def write(folder: Path, *names: str, content: str = "") -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content or f"# {name}\n")


def names_in(directory: Path) -> list[str]:
    return sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file())


def find_script(script: Path, run_dir: Path) -> Sources:
    return find_sources(CodeRequest(script, written_by_runs=(run_dir,)))


def found(script: Path, run_dir: Path | None = None) -> list[str]:
    return sorted(map(str, find_script(script, run_dir or script.parent.parent / "run").files))


def snapshot(script: Path, tmp_path: Path) -> Program:
    return take_snapshot(find_script(script, tmp_path / "run"), tmp_path / "run" / "code")


def test_the_folder_of_the_script_is_copied(project: Path, tmp_path: Path) -> None:
    program = snapshot(project / "train.py", tmp_path)
    assert names_in(program.directory) == ["pkg/__init__.py", "train.py"]
    assert program.argv == ("{python}", "train.py")
    assert program.directory.name == program.content_hash == content_hash(digest_directory(program.directory))
    assert program.left_out == ()


def test_the_same_code_is_copied_once(project: Path, tmp_path: Path) -> None:
    first = snapshot(project / "train.py", tmp_path)
    os.utime(project / "train.py", (1, 1))
    assert snapshot(project / "train.py", tmp_path) == first
    assert [path.name for path in first.directory.parent.iterdir()] == [first.content_hash]
    write(project, "pkg/__init__.py", content="changed")
    assert snapshot(project / "train.py", tmp_path).content_hash != first.content_hash


def test_later_changes_do_not_reach_the_snapshot(project: Path, tmp_path: Path) -> None:
    program = snapshot(project / "train.py", tmp_path)
    write(project, "train.py", content="changed")
    assert (program.directory / "train.py").read_text() == "# train.py\n"


def test_caches_environments_and_results_are_no_code(project: Path) -> None:
    write(project, ".git/config", "pkg/__pycache__/a.pyc", "env/pyvenv.cfg", "env/lib/x.py", "conda/x.py")
    write(project, "conda/conda-meta/history", "experiments/alpha/m.json", ".twophase/lock", "build/lib/x.py")
    write(project, "phase1_base_models.json", "phase2_experiments.json", "wandb/x")
    write(project, "environment/x.py", "env2/x.py", "manifest.json", "conf/lr.yaml", "README")
    assert found(project / "train.py") == [
        *("README", "conf/lr.yaml", "env2/x.py", "environment/x.py"),
        *("manifest.json", "pkg/__init__.py", "train.py"),
    ]


@pytest.mark.parametrize("run_dir", ["runs/one", "."])
def test_a_run_directory_inside_the_folder_is_no_code(project: Path, run_dir: str) -> None:
    write(
        project, "runs/one/experiments/alpha/m.json", "runs/one/.twophase/lock", "runs/one/x", "runs/two.py"
    )
    expected = ["pkg/__init__.py", *(["runs/one/x"] if run_dir == "." else []), "runs/two.py", "train.py"]
    assert found(project / "train.py", project / run_dir) == expected


def test_a_run_directory_around_the_folder_hides_nothing(project: Path) -> None:
    assert found(project / "train.py", project.parent) == ["pkg/__init__.py", "train.py"]


def test_programs_stay_executable(project: Path, tmp_path: Path) -> None:
    write(project, "run.sh", content="#!/bin/sh\n")
    (project / "run.sh").chmod(0o755)
    program = snapshot(project / "run.sh", tmp_path)
    assert program.argv == ("./run.sh",)
    assert os.access(program.directory / "run.sh", os.X_OK)
    assert not os.access(program.directory / "train.py", os.X_OK)


def test_a_name_with_a_dash_is_no_option(project: Path) -> None:
    write(project, "-c.py")
    assert find_script(project / "-c.py", project / "run").argv == ("{python}", "./-c.py")


def test_links_to_files_are_followed_and_other_links_are_reported(project: Path, tmp_path: Path) -> None:
    write(tmp_path, "elsewhere/shared.py", "elsewhere/data/big.bin")
    (project / "shared.py").symlink_to(tmp_path / "elsewhere" / "shared.py")
    (project / "data").symlink_to(tmp_path / "elsewhere" / "data")
    (project / "lost.py").symlink_to(tmp_path / "gone.py")
    program = snapshot(project / "train.py", tmp_path)
    assert names_in(program.directory) == ["pkg/__init__.py", "shared.py", "train.py"]
    assert not (program.directory / "shared.py").is_symlink()
    assert program.left_out == (
        "data: a link to a folder is not copied as code; if it is data, name it under `data`",
        "lost.py: a link to nothing",
    )


def test_a_link_to_the_script_takes_the_folder_of_the_script(project: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "go.py").symlink_to(project / "train.py")
    assert found(tmp_path / "bin" / "go.py") == ["pkg/__init__.py", "train.py"]


def test_large_files_are_data_and_reported(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("master.code.code_files.MAX_FILE_BYTES", 2**20)
    (project / "weights.pt").write_bytes(bytes(2**20 + 1))
    (project / "table.csv").write_bytes(bytes(2**20))
    program = snapshot(project / "train.py", tmp_path)
    assert names_in(program.directory) == ["pkg/__init__.py", "table.csv", "train.py"]
    assert program.left_out == ("weights.pt: larger than 1 MiB and not copied as code",)


def test_too_much_code_is_refused_with_advice(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("master.code.sources.MAX_TOTAL_BYTES", 3 * 2**20)
    for number in range(4):
        (project / f"{number}.txt").write_bytes(bytes(2**20))
    with pytest.raises(ConfigError, match=r"4 MiB of files lie beside the script, at most 3.*move it away"):
        find_script(project / "train.py", project)


def test_a_script_that_is_not_there_or_cannot_be_started_is_refused(project: Path) -> None:
    write(project, "notes.txt")
    for name, says in [("gone.py", "no such script"), ("pkg", "no such script"), ("notes.txt", "chmod")]:
        with pytest.raises(ConfigError, match=says) as caught:
            find_script(project / name, project)
        assert caught.value.source == str(project / name)


def test_a_file_that_cannot_be_read_is_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = project / "secret.py"
    write(project, "secret.py")
    real_open = Path.open

    def denying_open(path: Path, *args: object, **more: object) -> object:
        if path == secret:
            raise PermissionError(13, "Permission denied", str(path))
        return real_open(path, *args, **more)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", denying_open)
    with pytest.raises(ConfigError, match=r"secret\.py: cannot be read.*: Permission denied"):
        find_script(project / "train.py", project)


def test_a_file_that_vanishes_meanwhile_is_named_and_nothing_stays(project: Path, tmp_path: Path) -> None:
    sources = find_script(project / "train.py", tmp_path / "run")
    shutil.rmtree(project / "pkg")
    with pytest.raises(ConfigError, match=r"pkg/__init__\.py: cannot be read.*No such file"):
        take_snapshot(sources, tmp_path / "code")
    assert list((tmp_path / "code").iterdir()) == []


def test_looking_writes_nothing(project: Path) -> None:
    before = names_in(project.parent)
    find_script(project / "train.py", project / "run")
    assert names_in(project.parent) == before


@pytest.mark.parametrize("name", ["personalization", "probes"])
def test_a_trainer_comes_with_the_contract_and_nothing_else(name: str, tmp_path: Path) -> None:
    program = take_snapshot(trainer_sources(find_trainer_manifest(name)), tmp_path)
    assert program.argv == ("{python}", f".twophase_trainer/start_{name}.py")
    assert program.shown_at == ".twophase_trainer"
    tops = {"/".join(path.split("/")[:2]) for path in names_in(program.directory)}
    assert tops == {
        *("trainers/__init__.py", f"trainers/{name}", "trainers/common"),
        *("worker_agent/__init__.py", "worker_agent/protocol", f"start_{name}.py"),
    }


def test_an_unknown_trainer_is_refused() -> None:
    with pytest.raises(UsageError, match="did you mean `personalization`"):
        find_trainer_manifest("personalisation")


def test_code_of_an_earlier_start_is_looked_at_and_not_copied_again(project: Path, tmp_path: Path) -> None:
    first = take_snapshot(find_sources(CodeRequest(project / "train.py")), tmp_path / "code")
    kept = Sources(first.directory, tuple(map(Path, first.digests)), first.argv)
    before = first.directory.stat().st_mtime_ns
    again = take_snapshot(kept, tmp_path / "code")
    assert (again.content_hash, again.directory, again.digests) == (
        *(first.content_hash, first.directory),
        first.digests,
    )
    assert first.directory.stat().st_mtime_ns == before
    (first.directory / "train.py").write_text("changed\n")
    assert take_snapshot(kept, tmp_path / "code").content_hash != first.content_hash
