"""What a job is shown of the project."""

from __future__ import annotations

from pathlib import Path

import pytest

from master.code import code_files
from master.errors import ConfigError
from master.orchestrator.jobs import TrainingJob
from master.orchestrator.project import (
    MOST_LINKS,
    Project,
    Shown,
    entries_beside,
    modules_of,
    root_of,
    show,
    with_place_checked,
)
from master.orchestrator.run_files import TrainingFiles
from tests.unit.master.orchestrator.conftest import STAMP, Write


def test_what_each_script_imports_and_its_project_lacks(tmp_path: Path, write: Write) -> None:
    write("train_a.py", text="import torch, helper, json, ignored")
    write("deep/train_b.py", text="import local_data, sklearn")
    write("helper.py", text="import pandas")
    write("dist/ignored/x", text="no code outside git")
    write("deep/local_data/rows.bin", text="x")
    write("ignored.py")
    write("train_c.sh", text="#!/bin/sh")
    (tmp_path / "train_c.sh").chmod(0o755)
    scripts = tuple(map(Path, ("train_a.py", "deep/train_b.py", "train_c.sh")))
    found = modules_of(Project(tmp_path, scripts), [])
    assert found == dict(zip(scripts, ({"torch", "pandas"}, {"sklearn"}, frozenset()), strict=True))


def test_of_a_project_that_cannot_be_read_nothing_is_known(tmp_path: Path, write: Write) -> None:
    write("train_a.py")
    write("locked.py")
    assert modules_of(Project(tmp_path, (Path("gone.py"),)), []) == {}


def test_what_is_no_code_is_shown_beside_it(tmp_path: Path, write: Write) -> None:
    for name in ("train_a.py", "src/model.py", "src/weights.bin", "data/x.csv", "src/__pycache__/m.pyc"):
        write(name, text="x")
    code = [Path("train_a.py"), Path("src/model.py")]
    assert entries_beside(tmp_path, code, [tmp_path / "gone"]) == [Path("data"), Path("src/weights.bin")]
    assert entries_beside(tmp_path, code, [tmp_path / "data"]) == [Path("src/weights.bin")]


def test_a_folder_with_very_many_files_beside_its_code_is_shown_as_it_is(
    tmp_path: Path, write: Write
) -> None:
    write("data/readme.py", text="")
    for number in range(MOST_LINKS + 1):
        write(f"data/{number}", text="")
    assert entries_beside(tmp_path, [Path("data/readme.py")], []) == [Path("data")]


def test_a_snapshot_and_what_lies_beside_it(tmp_path: Path, write: Write, files: TrainingFiles) -> None:
    write("train_a.py")
    with (tmp_path / "big.csv").open("wb") as stream:
        stream.truncate(11 * 2**20)
    (files.root / "a_results").mkdir(parents=True)
    project = Project(tmp_path, (Path("train_a.py"),))
    shown = show(project, files.code, files.own_folders, in_place=False)
    assert shown.snapshot and [path.name for path in shown.snapshot.iterdir()] == ["train_a.py"]
    here = {mount.at: mount.path for mount in shown.mounts(local=True)}
    assert here == {"": None, "big.csv": str(tmp_path / "big.csv")}
    assert [mount.at for mount in shown.mounts(local=False)] == [""]
    (tmp_path / "big.csv").unlink()
    assert [mount.at for mount in shown.mounts(local=True)] == [""]


def test_of_too_many_files_the_advice_names_flags_of_the_command(
    tmp_path: Path, write: Write, files: TrainingFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code_files, "MAX_FILES", 3)
    for name in ("train_a.py", "1", "2", "3"):
        write(name, text="")
    with pytest.raises(ConfigError, match=r"more than 3 files.*; or give --in-place to use") as caught:
        show(Project(tmp_path, (Path("train_a.py"),)), files.code, (), in_place=False)
    assert "--project-root" not in str(caught.value)


def test_in_place_the_project_itself_is_shown(tmp_path: Path, files: TrainingFiles) -> None:
    shown = show(Project(tmp_path, ()), files.code, (), in_place=True)
    assert shown == Shown(tmp_path)
    assert [mount.path for mount in shown.mounts(local=True)] == [str(tmp_path)]
    assert not files.code.exists()


def test_a_script_belongs_to_the_current_directory_or_its_root_or_its_folder() -> None:
    here, roots = Path("/p"), [Path("/q/deep"), Path("/q")]
    assert root_of(Path("/p/a/train.py"), here, roots) == Path("/p")
    assert root_of(Path("/q/deep/train.py"), here, roots) == Path("/q/deep")
    assert root_of(Path("/r/x/train.py"), here, roots) == Path("/r/x")


def test_results_in_the_project_itself_are_no_part_of_it(tmp_path: Path) -> None:
    files = TrainingFiles(tmp_path, outputs={"train_a": "a_results"}, stamp=STAMP)
    (tmp_path / "a_results.until_1").mkdir()
    assert {tmp_path / "a_results", tmp_path / "a_results.until_1"} <= set(files.own_folders)


def test_a_script_among_the_results_is_refused(tmp_path: Path) -> None:
    job = TrainingJob("a", "a", tmp_path / "experiments" / "train_a.py", "a_results")
    assert "move it elsewhere" in with_place_checked(job, tmp_path).problem
    assert with_place_checked(job, tmp_path / "experiments").problem == ""
