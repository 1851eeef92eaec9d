"""What an attempt leaves, digested and published."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.support.attempt_paths import paths_of
from tests.unit.worker_agent.attempts.desk import Desk, names
from worker_agent.attempts.progress import ProgressReader
from worker_agent.attempts.results import is_quick
from worker_agent.core.commands import Collected
from worker_agent.protocol.outcome import LeftOut
from worker_agent.protocol.reports import Said
from worker_agent.protocol.terms import JobLimits


def test_a_base_model_moves_into_the_cache(tmp_path: Path) -> None:
    desk = Desk(tmp_path, phase=1)
    desk.write(paths_of(desk.attempt).base_model, "best.pt", "sub/losses.json")
    (paths_of(desk.attempt).base_model / "last.pt").symlink_to(paths_of(desk.attempt).base_model / "best.pt")
    left = desk.collect()
    assert left.problem is None and left.base_model
    name = left.base_model.content_hash
    assert left.base_model.name is None
    assert [row[0] for row in left.base_model.files] == ["best.pt", "last.pt", "sub/losses.json"]
    assert desk.cache.status(name) == "present" and not names(left)
    assert not (desk.cache.path(name) / "last.pt").is_symlink()
    assert desk.cache.path(name).joinpath("best.pt").stat().st_mode & 0o222 == 0


def test_a_base_model_that_a_dead_agent_had_taken_into_the_cache_is_told_of_again(tmp_path: Path) -> None:
    desk = Desk(tmp_path, phase=1)
    desk.write(paths_of(desk.attempt).base_model, "best.pt")
    first = desk.collect()
    again = desk.collect()
    assert again.problem is None and again.base_model == first.base_model is not None


def test_a_base_model_that_is_a_link_to_elsewhere_is_refused(tmp_path: Path) -> None:
    desk = Desk(tmp_path, phase=1)
    made = paths_of(desk.attempt).base_model
    desk.write(tmp_path / "elsewhere", "best.pt")
    made.rmdir()
    made.symlink_to(tmp_path / "elsewhere")
    assert (
        desk.collect().problem == f"cannot collect the results: {made}: the job has put a link in its place"
    )


def test_a_link_in_the_output_becomes_the_file_it_points_to(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.write(paths_of(desk.attempt).output, "epoch3.ckpt")
    (paths_of(desk.attempt).output / "last.ckpt").symlink_to(paths_of(desk.attempt).output / "epoch3.ckpt")
    assert names(desk.collect()) == ["epoch3.ckpt", "last.ckpt"]
    assert not (paths_of(desk.attempt).output / "last.ckpt").is_symlink()


def test_holes_in_what_was_left_are_told_where_output_is_limited(tmp_path: Path) -> None:
    for limits, holes in ((None, 0), (JobLimits(memory_bytes=1), 0), (JobLimits(output_bytes=1), 3 << 20)):
        desk = Desk(tmp_path / str(limits), phase=1)
        for folder, megabytes in ((desk.attempt.output, 1), (desk.attempt.base_model, 2)):
            desk.write(Path(folder), "full")
            with Path(folder, "sparse").open("wb") as stream:
                stream.truncate(megabytes << 20)
        desk.launch = replace(desk.launch, limits=limits)
        left = desk.collect()
        assert left.base_model and left.problem is None and left.hole_bytes == holes


def test_a_job_may_take_its_output_directory_away(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    paths_of(desk.attempt).output.rmdir()
    assert not is_quick(desk.attempt, desk.launch, desk.made)
    left_out = [LeftOut("TWOPHASE_OUTPUT_DIR", "the job has removed the folder")]
    assert desk.collect() == Collected(inline={}, left_out=left_out)


@pytest.mark.parametrize("quick", [True, False])
def test_what_somebody_has_wiped_is_no_empty_result(tmp_path: Path, quick: bool) -> None:
    desk = Desk(tmp_path)
    desk.write(paths_of(desk.attempt).output, "model")
    shutil.rmtree(desk.attempt.root)
    assert desk.collect(quick=quick) == Collected(
        f"somebody has removed {desk.attempt.root}", worker_fault=True
    )


def test_a_job_may_take_its_working_directory_away(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.write(paths_of(desk.attempt).output, "model")
    shutil.rmtree(desk.attempt.work)
    left = desk.collect()
    assert left.problem is None and names(left) == ["model"]
    assert left.left_out == [
        LeftOut("the working directory", "the job has removed it, with what it left there")
    ]


@pytest.mark.parametrize("phase", [1, 2])
def test_what_a_job_links_to_in_the_place_of_its_directory_is_left_alone(tmp_path: Path, phase: int) -> None:
    desk = Desk(tmp_path, phase=phase)
    desk.write(tmp_path / "elsewhere", "a")
    link = tmp_path / "elsewhere" / "b"
    link.symlink_to(tmp_path / "elsewhere" / "a")
    replaced = paths_of(desk.attempt).base_model if phase == 1 else paths_of(desk.attempt).output
    replaced.rmdir()
    replaced.symlink_to(tmp_path / "elsewhere")
    assert not is_quick(desk.attempt, desk.launch, desk.made)
    left = desk.collect()
    assert left.problem and str(replaced) in left.problem and "link in its place" in left.problem
    assert not left.files and not left.base_model and link.is_symlink()


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    os.mkfifo(str(paths_of(desk.attempt).progress))
    paths_of(desk.attempt).log.write_text("epoch 1\n")
    assert ProgressReader().read(desk.attempt) == Said("epoch 1")
    paths_of(desk.attempt).log.unlink()
    os.mkfifo(str(paths_of(desk.attempt).log))
    assert desk.collect().problem is None


def test_the_same_base_model_twice_is_one_artefact(tmp_path: Path) -> None:
    hashes = set()
    for job_id in ("base_models/s1", "base_models/s2"):
        desk = Desk(tmp_path, job_id, phase=1)
        desk.write(paths_of(desk.attempt).base_model, "best.pt")
        left = desk.collect()
        assert left.base_model
        hashes.add(left.base_model.content_hash)
    assert len(hashes) == 1 and desk.cache.contents.hashes() == list(hashes)


def test_a_failed_attempt_publishes_nothing(tmp_path: Path) -> None:
    desk = Desk(tmp_path, phase=1)
    desk.write(paths_of(desk.attempt).base_model, "best.pt")
    paths_of(desk.attempt).log.write_text("x" * 5000 + "the end")
    left = desk.collect(succeeded=False)
    assert left.base_model is None and desk.cache.contents.hashes() == []
    assert len(left.stderr_tail) == 4096 and left.stderr_tail.endswith("the end")


def test_big_results_do_not_come_inline(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    (paths_of(desk.attempt).output / "big").write_bytes(bytes(64 * 1024))
    assert desk.collect().inline is not None
    paths_of(desk.attempt).log.write_text("x")
    assert desk.collect().inline is None


def test_only_what_is_small_is_digested_at_once(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    assert is_quick(desk.attempt, desk.launch, desk.made)
    (paths_of(desk.attempt).output / "folder").mkdir()
    assert not is_quick(desk.attempt, desk.launch, desk.made)


def test_a_changed_file_makes_the_cache_unsure(tmp_path: Path) -> None:
    desk = Desk(tmp_path, phase=1)
    desk.write(paths_of(desk.attempt).base_model, "best.pt")
    left = desk.collect()
    assert left.base_model
    name = left.base_model.content_hash
    desk.write(desk.cache.path(name) / "__pycache__", "x.pyc")
    assert desk.cache.status(name) == "present" and desk.cache.verify_cached(name) is None
    (desk.cache.path(name) / "best.pt").chmod(0o600)
    (desk.cache.path(name) / "best.pt").write_text("other")
    assert desk.cache.status(name) == "unsure"
    problem = desk.cache.verify_cached(name)
    assert problem and "content hash" in problem
    assert desk.cache.status(name) == "missing"


@pytest.mark.parametrize(("free", "says"), [(0, True), (1 << 30, False)])
def test_a_full_disk_is_told_where_a_job_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, says: bool
) -> None:
    desk = Desk(tmp_path)
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=free, total=1 << 40))
    assert desk.collect(succeeded=True).problem is None
    full = f"no space left on the disk of {paths_of(desk.attempt).root}: make room there, or set `work_dir`"
    problem = full if says else None
    left = desk.collect(succeeded=False)
    assert (left.problem, left.worker_fault) == (problem, says)
