"""What a job left is made fit to travel, and what stays behind is told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.attempt_paths import paths_of
from tests.unit.worker_agent.attempts.desk import Desk, names
from worker_agent.attempts.results import is_quick
from worker_agent.protocol.messages import Launch
from worker_agent.protocol.terms import CollectRules


def test_links_become_what_they_point_to_and_what_stays_behind_is_told(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    output, scratch = paths_of(desk.attempt).output, tmp_path / "scratch"
    desk.write(scratch, "ckpt.pt", "deep/more.pt", "__pycache__/x.pyc")
    desk.write(output, "version_0/m.pt")
    (scratch / "up").symlink_to(scratch)
    (scratch / "again.pt").symlink_to("ckpt.pt")
    (output / "checkpoints").symlink_to(scratch)
    (output / "latest").symlink_to("version_0")
    (output / "best.pt").symlink_to("version_0/m.pt")
    (output / "broken.pt").symlink_to("gone.pt")
    (output / "me").symlink_to("me")
    (output / "here").symlink_to(".")
    (output / "rows").symlink_to(paths_of(desk.attempt).work / "data")
    os.mkfifo(output / "pipe")
    left = desk.collect()
    assert left.problem is None
    assert names(left) == [
        *("best.pt", "checkpoints/again.pt", "checkpoints/ckpt.pt", "checkpoints/deep/more.pt"),
        *("latest/m.pt", "version_0/m.pt"),
    ]
    assert not any(path.is_symlink() for path in output.rglob("*"))
    assert {item.path: item.reason for item in left.left_out} == {
        "broken.pt": "a link to nothing: gone.pt",
        "me": "a link to nothing: me",
        "here": f"a link to a folder that it lies in: {output}",
        "checkpoints/up": f"a link to a folder that it lies in: {scratch}",
        "rows": f"a link to data on the worker: {tmp_path / 'rows'}",
        "pipe": "a pipe",
    }


@pytest.mark.parametrize("closed", ["model", "sub", "sub/inner", "."])
def test_what_a_job_has_closed_even_to_its_owner_comes_home(tmp_path: Path, closed: str) -> None:
    desk = Desk(tmp_path)
    output = paths_of(desk.attempt).output
    desk.write(output, "model", "sub/inner")
    (output / closed).chmod(0)
    left = desk.collect(quick=is_quick(desk.attempt, desk.launch, desk.made))
    assert left.problem is None and names(left) == ["model", "sub/inner"]
    needed = 0o700 if (output / closed).is_dir() else 0o400
    assert (output / closed).stat().st_mode & 0o777 == needed


def test_links_in_the_working_directory_are_followed_before_anything_moves(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "train_a")
    desk.launch = Launch("train_a", 1, 2, ["x"], output_from=".")
    work = paths_of(desk.attempt).work
    desk.write(work, "a/weights", "experiments/alpha/x/metrics")
    (work / "b").symlink_to("a")
    (work / "experiments" / "alpha" / "x" / "best").symlink_to("../../../a/weights")
    left = desk.collect()
    assert names(left) == ["a/weights", "b/weights", "best", "metrics"] and not left.left_out


def test_a_link_to_much_is_taken_for_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker_agent.attempts.gathering.LINKED_BYTES", 3)
    desk = Desk(tmp_path)
    desk.write(tmp_path / "elsewhere", "abc", "d")
    (paths_of(desk.attempt).output / "all").symlink_to(tmp_path / "elsewhere")
    (paths_of(desk.attempt).output / "one").symlink_to(tmp_path / "elsewhere" / "abc")
    left = desk.collect()
    assert names(left) == ["one"] and "a link to a folder of more than" in left.left_out[0].reason


def test_empty_folders_and_executable_files_are_told(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.launch = Launch("alpha/fold0", 1, 2, ["x"], output_from=".")
    desk.write(paths_of(desk.attempt).output, "run.sh", "data.csv")
    (paths_of(desk.attempt).output / "run.sh").chmod(0o755)
    (paths_of(desk.attempt).output / "empty" / "below").mkdir(parents=True)
    (paths_of(desk.attempt).work / "logs").mkdir()
    left = desk.collect()
    assert (left.executable, left.empty_folders) == (["run.sh"], ["empty/below", "logs"])


@pytest.mark.parametrize(
    ("rules", "found", "reasons"),
    [
        (
            CollectRules(include=["*.pt"]),
            ["ckpt/1.pt", "ckpt/2.pt"],
            {"log.csv": "not in collect.include", "tmp/x.bin": "not in collect.include"},
        ),
        (CollectRules(include=["ckpt"]), ["ckpt/1.pt", "ckpt/2.pt"], {}),
        (
            CollectRules(include=["ckpt/1.*"], exclude=["1.*"]),
            [],
            {"ckpt/1.pt": "excluded by '1.*' of collect.exclude"},
        ),
        (CollectRules(exclude=["tmp/"]), ["ckpt/1.pt", "ckpt/2.pt", "log.csv"], {}),
        (CollectRules(max_bytes=8), ["log.csv"], {"ckpt/1.pt": "9 bytes, more than collect.max_size"}),
        (CollectRules(include=["*.onnx"]), [], {"*.onnx": "nothing fits this pattern of collect.include"}),
    ],
)
def test_rules_say_what_comes_home(
    tmp_path: Path, rules: CollectRules, found: list[str], reasons: dict[str, str]
) -> None:
    desk = Desk(tmp_path)
    desk.launch = Launch("alpha/fold0", 1, 2, ["x"], output_from=".", collect=rules)
    assert not is_quick(desk.attempt, desk.launch, desk.made)
    desk.write(paths_of(desk.attempt).output, "log.csv")
    desk.write(paths_of(desk.attempt).work, "ckpt/1.pt", "ckpt/2.pt", "tmp/x.bin")
    left = desk.collect()
    assert names(left) == found
    assert reasons.items() <= {item.path: item.reason for item in left.left_out}.items()


def test_what_is_left_out_is_counted_beyond_a_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker_agent.attempts.gathering.MOST_LEFT_OUT", 2)
    desk = Desk(tmp_path)
    desk.launch = Launch("alpha/fold0", 1, 2, ["x"], collect=CollectRules(exclude=["*"]))
    desk.write(paths_of(desk.attempt).output, "a", "b", "c", "d")
    assert [(item.path, item.reason) for item in desk.collect().left_out][2:] == [("…", "and 2 more")]


@pytest.mark.parametrize("at", ["base_model", "work/experiments/base_models/mine"])
def test_a_base_model_with_a_part_behind_a_link_is_whole_or_refused(tmp_path: Path, at: str) -> None:
    desk = Desk(tmp_path, "base_models/s", phase=1)
    folder = paths_of(desk.attempt).root / at
    desk.write(folder, "last.pt")
    desk.write(tmp_path / "scratch", "encoder/best.pt")
    (folder / "encoder").symlink_to(tmp_path / "scratch" / "encoder")
    left = desk.collect()
    assert left.base_model and [item.path for item in left.base_model.files] == ["encoder/best.pt", "last.pt"]

    broken = Desk(tmp_path, "base_models/t", phase=1)
    folder = paths_of(broken.attempt).root / at
    broken.write(folder, "last.pt")
    (folder / "encoder").symlink_to("gone")
    left = broken.collect()
    assert left.base_model is None
    assert left.problem == "the base model is not whole: encoder: a link to nothing: gone"


def test_holes_stay_holes(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    with (tmp_path / "sparse").open("wb") as stream:
        stream.seek(64 << 20)
        stream.write(b"end")
    (paths_of(desk.attempt).output / "sparse").symlink_to(tmp_path / "sparse")
    (left,) = desk.collect().files
    copy = paths_of(desk.attempt).output / "sparse"
    assert left.size == (64 << 20) + 3 and copy.stat().st_blocks * 512 < 1 << 20
    assert copy.read_bytes() == (tmp_path / "sparse").read_bytes()
