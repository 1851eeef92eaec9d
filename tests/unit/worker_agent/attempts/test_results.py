"""What an attempt leaves, folded to where the contract has it."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from worker_agent.attempts.private_copy import make_copy
from worker_agent.attempts.progress import ProgressReader
from worker_agent.attempts.recycled_directories import Made
from worker_agent.attempts.results import collect, is_quick
from worker_agent.cache.artefacts import Cache
from worker_agent.core.commands import Collected
from worker_agent.protocol.layout import AttemptLayout, WorkLayout
from worker_agent.protocol.messages import CollectRules, Launch
from worker_agent.protocol.outcome import LeftOut


class Desk:
    """An attempt's directories and a cache."""

    def __init__(self, root: Path, job_id: str = "alpha/fold0", phase: int = 2) -> None:
        layout = WorkLayout(root)
        self.cache = Cache(layout, "r1")
        self.attempt: AttemptLayout = layout.attempt("r1", job_id, 1)
        self.launch = Launch(job_id, 1, phase, ["x"])
        for folder in (self.attempt.work, self.attempt.output, self.attempt.log.parent):
            folder.mkdir(parents=True)
        if phase == 1:
            self.attempt.base_model.mkdir()
        (root / "code" / "src").mkdir(parents=True, exist_ok=True)
        (root / "rows").mkdir(exist_ok=True)
        (root / "code" / "src" / "train.py").write_text("code")
        (root / "code" / "settings.yaml").write_text("lr: 1")
        shown = {name: root / "code" / name for name in ("src", "settings.yaml")}
        copy = make_copy(self.attempt.work, shown, {"data": root / "rows"})
        self.made = Made((), copy, time.time_ns())

    def write(self, folder: Path, *names: str) -> None:
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(name)

    def collect(self, succeeded: bool = True) -> Collected:
        return collect(self.attempt, self.launch, self.cache, self.made, succeeded)


def names(left: Collected) -> list[str]:
    return [row[0] for row in left.files]


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
    desk.write(desk.attempt.work / "experiments", *written)
    left = desk.collect()
    assert left.problem is None and names(left) == sorted(found)


def test_a_file_that_output_has_already_keeps_its_full_name(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.write(desk.attempt.output, "a")
    desk.write(desk.attempt.work / "experiments", "alpha/x/a", "alpha/x/b")
    assert names(desk.collect()) == ["a", "b", "experiments/alpha/x/a"]
    assert (desk.attempt.output / "a").read_text() == "a"


def test_what_was_mounted_is_no_output(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.write(tmp_path / "cached", "best.pt")
    shutil.rmtree(desk.attempt.work)
    desk.attempt.work.mkdir()
    copy = make_copy(desk.attempt.work, {}, {"experiments/base_models/b": tmp_path / "cached"})
    desk.made = Made((), copy, time.time_ns())
    desk.write(desk.attempt.work / "experiments", "alpha/x/a")
    assert names(desk.collect()) == ["a"]


def test_a_base_model_moves_into_the_cache(tmp_path: Path) -> None:
    desk = Desk(tmp_path, phase=1)
    desk.write(desk.attempt.base_model, "best.pt", "sub/losses.json")
    (desk.attempt.base_model / "last.pt").symlink_to(desk.attempt.base_model / "best.pt")
    left = desk.collect()
    assert left.problem is None and left.base_model
    name = left.base_model.content_hash
    assert left.base_model.name is None
    assert [row[0] for row in left.base_model.files] == ["best.pt", "last.pt", "sub/losses.json"]
    assert desk.cache.status(name) == "present" and not names(left)
    assert not (desk.cache.path(name) / "last.pt").is_symlink()
    assert desk.cache.path(name).joinpath("best.pt").stat().st_mode & 0o222 == 0


def test_a_link_in_the_output_becomes_the_file_it_points_to(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.write(desk.attempt.output, "epoch3.ckpt")
    (desk.attempt.output / "last.ckpt").symlink_to(desk.attempt.output / "epoch3.ckpt")
    assert names(desk.collect()) == ["epoch3.ckpt", "last.ckpt"]
    assert not (desk.attempt.output / "last.ckpt").is_symlink()


def test_a_job_may_take_its_output_directory_away(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.attempt.output.rmdir()
    assert not is_quick(desk.attempt, desk.launch, desk.made)
    left_out = [LeftOut("TWOPHASE_OUTPUT_DIR", "the job has removed the folder")]
    assert desk.collect() == Collected(inline={}, left_out=left_out)


@pytest.mark.parametrize("phase", [1, 2])
def test_what_a_job_links_to_in_the_place_of_its_directory_is_left_alone(tmp_path: Path, phase: int) -> None:
    desk = Desk(tmp_path, phase=phase)
    desk.write(tmp_path / "elsewhere", "a")
    link = tmp_path / "elsewhere" / "b"
    link.symlink_to(tmp_path / "elsewhere" / "a")
    replaced = desk.attempt.base_model if phase == 1 else desk.attempt.output
    replaced.rmdir()
    replaced.symlink_to(tmp_path / "elsewhere")
    assert not is_quick(desk.attempt, desk.launch, desk.made)
    left = desk.collect()
    assert left.problem and str(replaced) in left.problem and "link in its place" in left.problem
    assert not left.files and not left.base_model and link.is_symlink()


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    os.mkfifo(str(desk.attempt.progress))
    desk.attempt.log.write_text("epoch 1\n")
    assert ProgressReader().read(desk.attempt) == {"line": "epoch 1"}
    desk.attempt.log.unlink()
    os.mkfifo(str(desk.attempt.log))
    assert desk.collect().problem is None


def test_the_same_base_model_twice_is_one_artefact(tmp_path: Path) -> None:
    hashes = set()
    for job_id in ("base_models/s1", "base_models/s2"):
        desk = Desk(tmp_path, job_id, phase=1)
        desk.write(desk.attempt.base_model, "best.pt")
        left = desk.collect()
        assert left.base_model
        hashes.add(left.base_model.content_hash)
    assert len(hashes) == 1 and desk.cache.hashes() == list(hashes)


def test_the_contract_wins_over_experiments(tmp_path: Path) -> None:
    desk = Desk(tmp_path, phase=1)
    desk.write(desk.attempt.base_model, "best.pt")
    desk.write(desk.attempt.work / "experiments", "base_models/b/other.pt")
    left = desk.collect()
    assert left.base_model and [row[0] for row in left.base_model.files] == ["best.pt"]
    assert left.base_model.name is None and names(left) == ["other.pt"]


def test_a_failed_attempt_publishes_nothing(tmp_path: Path) -> None:
    desk = Desk(tmp_path, phase=1)
    desk.write(desk.attempt.base_model, "best.pt")
    desk.attempt.log.write_text("x" * 5000 + "the end")
    left = desk.collect(succeeded=False)
    assert left.base_model is None and desk.cache.hashes() == []
    assert len(left.stderr_tail) == 4096 and left.stderr_tail.endswith("the end")


def test_big_results_do_not_come_inline(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    (desk.attempt.output / "big").write_bytes(bytes(64 * 1024))
    assert desk.collect().inline is not None
    desk.attempt.log.write_text("x")
    assert desk.collect().inline is None


def test_only_what_is_small_is_digested_at_once(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    assert is_quick(desk.attempt, desk.launch, desk.made)
    (desk.attempt.output / "folder").mkdir()
    assert not is_quick(desk.attempt, desk.launch, desk.made)


def test_a_changed_file_makes_the_cache_unsure(tmp_path: Path) -> None:
    desk = Desk(tmp_path, phase=1)
    desk.write(desk.attempt.base_model, "best.pt")
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


def test_what_is_new_or_changed_in_the_working_directory_is_a_result_if_asked_for(
    tmp_path: Path,
) -> None:
    desk = Desk(tmp_path, "train_a")
    work = desk.attempt.work
    desk.launch = Launch("train_a", 1, 2, ["x"], output_from=".")
    assert is_quick(desk.attempt, desk.launch, desk.made)
    desk.write(desk.attempt.output, "model", "both")
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
    assert (desk.attempt.output / "work" / "both").read_text() == "both"
    assert (desk.attempt.output / "plots" / "newest").read_text() == "plots/loss"


def test_only_what_is_below_the_folder_that_is_asked_for_is_a_result(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "train_a")
    desk.launch = Launch("train_a", 1, 2, ["x"], output_from="src")
    desk.write(desk.attempt.work, "a", "src/b", "src/c/d")
    assert names(desk.collect()) == ["b", "c/d"]


@pytest.mark.parametrize(("free", "says"), [(0, True), (1 << 30, False)])
def test_a_full_disk_is_told_where_a_job_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, says: bool
) -> None:
    desk = Desk(tmp_path)
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=free))
    assert desk.collect(succeeded=True).problem is None
    problem = f"no space left on the disk of {desk.attempt.root}" if says else None
    assert desk.collect(succeeded=False).problem == problem


def test_links_become_what_they_point_to_and_what_stays_behind_is_told(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    output, scratch = desk.attempt.output, tmp_path / "scratch"
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
    (output / "rows").symlink_to(desk.attempt.work / "data")
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


def test_links_in_the_working_directory_are_followed_before_anything_moves(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "train_a")
    desk.launch = Launch("train_a", 1, 2, ["x"], output_from=".")
    work = desk.attempt.work
    desk.write(work, "a/weights", "experiments/alpha/x/metrics")
    (work / "b").symlink_to("a")
    (work / "experiments" / "alpha" / "x" / "best").symlink_to("../../../a/weights")
    left = desk.collect()
    assert names(left) == ["a/weights", "b/weights", "best", "metrics"] and not left.left_out


def test_a_link_to_much_is_taken_for_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker_agent.attempts.gathering.LINKED_BYTES", 3)
    desk = Desk(tmp_path)
    desk.write(tmp_path / "elsewhere", "abc", "d")
    (desk.attempt.output / "all").symlink_to(tmp_path / "elsewhere")
    (desk.attempt.output / "one").symlink_to(tmp_path / "elsewhere" / "abc")
    left = desk.collect()
    assert names(left) == ["one"] and "a link to a folder of more than" in left.left_out[0].reason


def test_empty_folders_and_executable_files_are_told(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.launch = Launch("alpha/fold0", 1, 2, ["x"], output_from=".")
    desk.write(desk.attempt.output, "run.sh", "data.csv")
    (desk.attempt.output / "run.sh").chmod(0o755)
    (desk.attempt.output / "empty" / "below").mkdir(parents=True)
    (desk.attempt.work / "logs").mkdir()
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
    desk.write(desk.attempt.output, "log.csv")
    desk.write(desk.attempt.work, "ckpt/1.pt", "ckpt/2.pt", "tmp/x.bin")
    left = desk.collect()
    assert names(left) == found
    assert reasons.items() <= {item.path: item.reason for item in left.left_out}.items()


def test_what_is_left_out_is_counted_beyond_a_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker_agent.attempts.gathering.MOST_LEFT_OUT", 2)
    desk = Desk(tmp_path)
    desk.launch = Launch("alpha/fold0", 1, 2, ["x"], collect=CollectRules(exclude=["*"]))
    desk.write(desk.attempt.output, "a", "b", "c", "d")
    assert [(item.path, item.reason) for item in desk.collect().left_out][2:] == [("…", "and 2 more")]


@pytest.mark.parametrize("at", ["base_model", "work/experiments/base_models/mine"])
def test_a_base_model_with_a_part_behind_a_link_is_whole_or_refused(tmp_path: Path, at: str) -> None:
    desk = Desk(tmp_path, "base_models/s", phase=1)
    folder = desk.attempt.root / at
    desk.write(folder, "last.pt")
    desk.write(tmp_path / "scratch", "encoder/best.pt")
    (folder / "encoder").symlink_to(tmp_path / "scratch" / "encoder")
    left = desk.collect()
    assert left.base_model and [item.path for item in left.base_model.files] == ["encoder/best.pt", "last.pt"]

    broken = Desk(tmp_path, "base_models/t", phase=1)
    folder = broken.attempt.root / at
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
    (desk.attempt.output / "sparse").symlink_to(tmp_path / "sparse")
    (left,) = desk.collect().files
    copy = desk.attempt.output / "sparse"
    assert left.size == (64 << 20) + 3 and copy.stat().st_blocks * 512 < 1 << 20
    assert copy.read_bytes() == (tmp_path / "sparse").read_bytes()
