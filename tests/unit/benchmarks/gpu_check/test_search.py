"""The arms of the search, and what follows from their seconds."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from benchmarks.gpu_check import search
from benchmarks.gpu_check.search import Arm, arms, cluster, ratios


def test_what_this_version_cannot_do_is_no_arm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "offered", lambda: ["process", "warm"])
    assert [arm.name for arm in arms(None)] == ["warm", "packed", "one at a time"]
    monkeypatch.setattr(search, "offered", lambda: ["process", "resident"])
    monkeypatch.setattr(search, "CAN_FUSE", True)
    assert [arm.name for arm in arms(None)][:2] == ["fused", "resident"]
    assert [(arm.name, arm.cards) for arm in arms(2)] == [("one card", 1), ("two", 2)]


def test_one_at_a_time_is_a_slot_a_gpu(tmp_path: Path) -> None:
    (server,) = cluster(Arm("one at a time", "process", at_a_time=1), tmp_path, "cuda")["servers"]
    assert (server["gpus"], server["slots_per_gpu"]) == ("auto", 1)
    (server,) = cluster(Arm("warm", "warm"), tmp_path, "cpu")["servers"]
    assert (server["gpus"], server["cpu_slots"]) == (0, 2)


def test_only_arms_that_ran_are_compared() -> None:
    assert ratios({"warm": 30.0, "packed": 60.0, "one at a time": 90.0}) == {"one at a time over packed": 1.5}
    found = ratios({"warm": 30.0, "packed": 60.0, "fused": 10.0, "resident": 20.0})
    assert found == {"warm over resident": 1.5, "best packing over fused": 3.0}


def test_the_people_are_files_that_the_trainer_reads(tmp_path: Path) -> None:
    search.write_people(tmp_path / "data", 8, 4)
    assert len(list((tmp_path / "data").glob("p0?_*.pt"))) == 18
    (first, *others) = search.search(tmp_path / "data", 8, 2, small=True)
    assert (first["model"], first["window_size"], len(others)) == ("cnn", 8, 2)


def test_an_arm_that_takes_too_long_is_told_and_leaves_no_agent_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environs: list[dict[str, str]] = []

    def late(argv: list[str], *, env: dict[str, str], timeout: float, **_: object) -> None:
        environs.append(env)
        raise subprocess.TimeoutExpired(argv, timeout)

    monkeypatch.setattr(subprocess, "run", late)
    with pytest.raises(RuntimeError, match="took more than 3 s"):
        search.run(Arm("warm", "warm"), [], tmp_path / "arm", "cpu", limit_s=3.0)
    (env,) = environs
    assert float(env["TWOPHASE_AGENT_IDLE_S"]) < 60 and env["TWOPHASE_SLOT_DIR"].startswith(str(tmp_path))
