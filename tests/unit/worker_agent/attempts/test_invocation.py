"""What a job is started with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.attempt_paths import paths_of
from worker_agent.attempts.invocation import Places, base_environment, command, environment
from worker_agent.core.execution import StartError
from worker_agent.protocol.layout import AttemptLayout
from worker_agent.protocol.messages import Launch


def places(**more: Any) -> Places:
    return Places(AttemptLayout("/at"), "/ck", more.get("base_model"))


def test_the_slot_wins_over_every_other_environment() -> None:
    base = base_environment(
        {"PATH": "/bin", "TWOPHASE_JOB_ID": "outer", "TWOPHASE_BASE_MODEL_DIR": "/outer"},
        {"CUDA_VISIBLE_DEVICES": "7", "CUDA_DEVICE_ORDER": "FASTEST_FIRST", "A": "settings"},
        0,
    )
    env = environment(base, Launch("j", 2, 2, ["x"], env={"A": "launch"}), "GPU-77", places())
    assert env["CUDA_VISIBLE_DEVICES"] == "GPU-77" and env["A"] == "launch"
    assert env["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
    assert (env["TWOPHASE_JOB_ID"], env["TWOPHASE_ATTEMPT"]) == ("j", "2")
    assert "TWOPHASE_BASE_MODEL_DIR" not in env and "OMP_NUM_THREADS" not in env


def test_what_is_about_the_agent_s_own_session_does_not_travel() -> None:
    inherited = {
        "PWD": "/home/me",
        "OLDPWD": "/",
        "SSH_CONNECTION": "1.2.3.4 5",
        "SSH_TTY": "t",
        "HOME": "/h",
    }
    env = environment(
        base_environment(inherited, {"SSH_ASKPASS": "mine"}, 0), Launch("j", 1, 2, ["x"]), None, places()
    )
    assert env["PWD"] == places().attempt.work and "OLDPWD" not in env
    assert {name for name in env if name.startswith("SSH_")} == {"SSH_ASKPASS"} and env["HOME"] == "/h"


def test_phase_2_reads_the_base_model_from_the_cache() -> None:
    env = environment({}, Launch("j", 1, 2, ["x"]), None, places(base_model="/cache/h"))
    assert env["TWOPHASE_BASE_MODEL_DIR"] == "/cache/h" and env["CUDA_VISIBLE_DEVICES"] == ""


def test_a_child_reads_its_parent_from_the_cache_and_writes_to_its_own_place() -> None:
    env = environment({}, Launch("j", 1, 1, ["x"]), None, places(base_model="/cache/h"))
    assert env["TWOPHASE_PARENT_MODEL_DIR"] == "/cache/h"
    assert env["TWOPHASE_BASE_MODEL_DIR"] == places().attempt.base_model
    root = environment(base_environment(env, {}, 0), Launch("j", 1, 1, ["x"]), None, places())
    assert "TWOPHASE_PARENT_MODEL_DIR" not in root


def test_a_rung_reads_the_lower_one_in_its_own_variable_and_has_no_parent() -> None:
    launch = Launch("j", 1, 1, ["x"], resumes=True, keeps_state=True)
    env = environment({}, launch, None, places(base_model="/cache/h"))
    assert env["TWOPHASE_RESUME_MODEL_DIR"] == "/cache/h" and "TWOPHASE_PARENT_MODEL_DIR" not in env
    assert env["TWOPHASE_BASE_MODEL_DIR"] == places().attempt.base_model
    assert env["TWOPHASE_KEEP_STATE"] == "1"
    plain = environment(base_environment(env, {}, 0), Launch("j", 1, 1, ["x"]), None, places())
    assert not {"TWOPHASE_RESUME_MODEL_DIR", "TWOPHASE_KEEP_STATE"} & plain.keys()


def test_threads_are_shared_unless_somebody_says_otherwise() -> None:
    assert base_environment({}, {}, 3)["OMP_NUM_THREADS"] == "3"
    assert base_environment({"OMP_NUM_THREADS": "1"}, {}, 3)["OMP_NUM_THREADS"] == "1"
    assert base_environment({}, {"MKL_NUM_THREADS": "9"}, 3)["MKL_NUM_THREADS"] == "9"


def test_the_command_has_its_words_and_its_program(tmp_path: Path) -> None:
    argv = ["{python}", "train.py", "--device", "{device}", "{deviceless}"]
    assert command(argv, "0", "/bin/sh", AttemptLayout(tmp_path), "") == [
        *("/bin/sh", "train.py", "--device", "cuda", "{deviceless}")
    ]
    words = command(["sh", "{output_dir}"], None, "py", AttemptLayout(tmp_path), "/bin")
    assert words[1:] == [str(AttemptLayout(tmp_path).output)]
    assert command(["sh", "{device}"], None, "py", AttemptLayout(tmp_path), "/bin")[1:] == ["cpu"]


def test_a_script_in_the_working_directory_must_be_executable(tmp_path: Path) -> None:
    attempt = AttemptLayout(tmp_path)
    paths_of(attempt).work.mkdir()
    script = paths_of(attempt).work / "run.sh"
    script.write_text("#!/bin/sh\n")
    with pytest.raises(StartError, match=r"run\.sh is not executable: chmod \+x"):
        command(["run.sh"], None, "py", attempt, "/bin")
    script.chmod(0o755)
    assert command(["run.sh", "1"], None, "py", attempt, "/bin") == [str(script), "1"]
    with pytest.raises(StartError, match=r"gone\.sh: no such program"):
        command(["gone.sh"], None, "py", attempt, "/bin")


def test_what_stands_behind_an_equals_sign_is_filled_in_too(tmp_path: Path) -> None:
    argv = ["sh", "--device={device}", "device={device}", "a={devices}", "{device}=a", "a=b={device}"]
    assert command(argv, None, "py", AttemptLayout(tmp_path), "/bin")[1:] == [
        *("--device=cpu", "device=cpu", "a={devices}", "{device}=a", "a=b={device}")
    ]


def test_no_library_takes_a_job_for_a_task_of_slurm() -> None:
    names = ("SLURM_JOB_ID", "SLURMD_NODENAME", "SRUN_DEBUG", "PMI_RANK", "PMIX_RANK")
    theirs = dict.fromkeys(names, "3")
    assert base_environment({**theirs, "PATH": "/bin"}, {}) == {"PATH": "/bin", "PYTHONUNBUFFERED": "1"}
