"""What a job wrote anywhere is moved to where the contract has it."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from tests.support.attempt_paths import paths_of
from tests.unit.worker_agent.attempts.desk import Desk, names
from worker_agent.attempts.private_copy import make_copy
from worker_agent.attempts.recycled_directories import Made
from worker_agent.attempts.results import is_quick
from worker_agent.protocol.messages import Launch


@pytest.mark.parametrize(
    ("job_id", "written", "found"),
    [
        ("alpha/fold0", ["alpha/x/a", "alpha/x/b/c"], ["a", "b/c"]),
        ("alpha/fold0", ["other/x/a"], ["a"]),
        ("alpha/fold0", ["alpha/x/a", "alpha/y/b"], ["alpha/x/a", "alpha/y/b"]),
        ("alpha/fold0", ["alpha/a"], ["alpha/a"]),
        ("alpha/fold0", ["a", "alpha/x/b"], ["a", "alpha/x/b"]),
        ("deep/er/fold0", ["deep/er/x/a"], ["a"]),
        ("deep/er/fold0", ["deep/er/a", "deep/er/b"], ["a", "b"]),
        ("job", ["one/a"], ["one/a"]),
    ],
)
def test_experiments_become_output(tmp_path: Path, job_id: str, written: list[str], found: list[str]) -> None:
    desk = Desk(tmp_path, job_id)
    desk.write(paths_of(desk.attempt).work / "experiments", *written)
    left = desk.collect()
    assert left.problem is None and names(left) == sorted(found)


def test_a_file_that_output_has_already_keeps_its_full_name(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.write(paths_of(desk.attempt).output, "a")
    desk.write(paths_of(desk.attempt).work / "experiments", "alpha/x/a", "alpha/x/b")
    assert names(desk.collect()) == ["a", "b", "experiments/alpha/x/a"]
    assert (paths_of(desk.attempt).output / "a").read_text() == "a"


def test_what_was_mounted_is_no_output(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.write(tmp_path / "cached", "best.pt")
    shutil.rmtree(paths_of(desk.attempt).work)
    paths_of(desk.attempt).work.mkdir()
    copy = make_copy(paths_of(desk.attempt).work, {}, {"experiments/base_models/b": tmp_path / "cached"})
    desk.made = Made((), copy, time.time_ns())
    desk.write(paths_of(desk.attempt).work / "experiments", "alpha/x/a")
    assert names(desk.collect()) == ["a"]


def test_the_contract_wins_over_experiments(tmp_path: Path) -> None:
    desk = Desk(tmp_path, phase=1)
    desk.write(paths_of(desk.attempt).base_model, "best.pt")
    desk.write(paths_of(desk.attempt).work / "experiments", "base_models/b/other.pt")
    left = desk.collect()
    assert left.base_model and [row[0] for row in left.base_model.files] == ["best.pt"]
    assert left.base_model.name is None and names(left) == ["other.pt"]


def test_a_folder_that_the_launch_names_is_the_base_model(tmp_path: Path) -> None:
    desk = Desk(tmp_path, phase=1)
    desk.launch = Launch("alpha/fold0", 1, 1, ["x"], output_from="experiments/base_1")
    work = paths_of(desk.attempt).work
    desk.write(work, "experiments/base_1/fold0_ann/best.pt", "experiments/other/y/log", "runs/events")
    left = desk.collect()
    assert left.base_model and [row[0] for row in left.base_model.files] == ["fold0_ann/best.pt"]
    assert left.base_model.name == "base_1" and names(left) == ["log", "runs/events"]


def test_a_base_model_where_the_contract_has_it_wins_over_the_named_folder(tmp_path: Path) -> None:
    desk = Desk(tmp_path, phase=1)
    desk.launch = Launch("alpha/fold0", 1, 1, ["x"], output_from="experiments/base_1")
    desk.write(paths_of(desk.attempt).base_model, "best.pt")
    desk.write(paths_of(desk.attempt).work, "experiments/base_1/fold0_ann/other.pt")
    left = desk.collect()
    assert left.base_model and [row[0] for row in left.base_model.files] == ["best.pt"]


def test_what_is_new_or_changed_in_the_working_directory_is_a_result_if_asked_for(
    tmp_path: Path,
) -> None:
    desk = Desk(tmp_path, "train_a")
    work = paths_of(desk.attempt).work
    desk.launch = Launch("train_a", 1, 2, ["x"], output_from=".")
    assert is_quick(desk.attempt, desk.launch, desk.made)
    desk.write(paths_of(desk.attempt).output, "model", "both")
    desk.write(work, "plots/loss", "both", "src/__pycache__/a.pyc", "src/new", "new/__pycache__/b.pyc")
    (work / "settings.yaml").write_text("lr: 2")
    os.utime(work / "src" / "train.py")
    (work / "plots" / "newest").symlink_to("loss")
    assert not is_quick(desk.attempt, desk.launch, desk.made)
    left = desk.collect()
    assert left.problem is None
    assert names(left) == [
        "both",
        "model",
        "plots/loss",
        "plots/newest",
        "settings.yaml",
        "src/new",
        "work/both",
    ]
    assert (paths_of(desk.attempt).output / "work" / "both").read_text() == "both"
    assert (paths_of(desk.attempt).output / "plots" / "newest").read_text() == "plots/loss"


def test_only_what_is_below_the_folder_that_is_asked_for_is_a_result(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "train_a")
    desk.launch = Launch("train_a", 1, 2, ["x"], output_from="src")
    desk.write(paths_of(desk.attempt).work, "a", "src/b", "src/c/d")
    assert names(desk.collect()) == ["b", "c/d"]
