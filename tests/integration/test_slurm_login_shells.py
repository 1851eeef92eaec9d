"""A login host as users make it: shells that print, programs that come late, variables that interfere."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from master.adapters.allocators.allocator import AllocationRefused, AllocationState
from master.adapters.allocators.pilots import Pilot
from master.adapters.allocators.slurm import commands, parsing
from master.specs import PoolSpec, ServerSpec
from tests.contract.allocator_worlds import slurm_allocator
from tests.support.slurm import LocalSlurm


def _run(argv: Sequence[str], **variables: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(argv, env={**os.environ, **variables}, capture_output=True, check=False)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where bash, as a login shell, greets, and adds a folder of programs to PATH."""
    (tmp_path / "late").mkdir()
    greeting = f"echo Welcome to hpc\necho no module x >&2\nexport PATH={tmp_path / 'late'}:$PATH\n"
    (tmp_path / ".bash_profile").write_text(greeting)
    return tmp_path


def _program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_programs_that_the_login_shell_brings_are_found_and_its_greeting_is_passed_over(home: Path) -> None:
    _program(home / "late" / "sbatch", "cat >/dev/null; echo '17;cluster'")
    argv = commands.in_shell(commands._BEGIN + 'sbatch "$@"', "--parsable")
    done = _run(argv, HOME=str(home), PATH="/usr/bin:/bin")
    assert b"Welcome to hpc" in done.stdout
    assert parsing.submitted_id(parsing.answer(done.stdout)) == "17"


def test_a_host_without_slurm_ends_as_a_shell_without_the_program(home: Path) -> None:
    argv = commands.in_shell(commands._BEGIN + 'exec sbatch "$@"', "--parsable")
    assert _run(argv, HOME=str(home), PATH="/usr/bin:/bin").returncode == 127


def test_a_submission_that_is_not_answered_is_ended_there_and_submits_nothing_later(home: Path) -> None:
    late = home / "submitted late"
    _program(home / "late" / "sbatch", f"cat >/dev/null; sleep 3; touch '{late}'")
    pool = PoolSpec("hpc", ServerSpec("login", "login"), 1, 3600.0)
    argv = commands.submit(pool, "tp-1-hpc.1", Pilot(("true",), str(home / "log"), "agent.log"))
    soon = [word.replace(f"timeout {commands.SUBMIT_S}", "timeout 1") for word in argv]
    assert soon != argv
    done = _run(soon, HOME=str(home), PATH="/usr/bin:/bin")
    assert done.returncode == commands.TOO_LATE
    time.sleep(2.5)
    assert not late.exists()


def test_variables_that_change_answers_or_begin_other_steps_are_forgotten(home: Path) -> None:
    _program(home / "late" / "sbatch", "env")
    forgotten = {
        "SQUEUE_FORMAT": "%i",
        "SLURM_JOB_ID": "3",
        "SLURM_NTASKS": "4",
        "SBATCH_EXPORT": "NONE",
        "SBATCH_TIMELIMIT": "1",
        "PMIX_RANK": "0",
        "SRUN_DEBUG": "3",
    }
    kept = {"SLURM_CONF": "/etc/slurm.conf", "SBATCH_ACCOUNT": "mine", "SLURM_JWT": "x", "EDITOR": "vi"}
    done = _run(
        commands.in_shell(commands._BEGIN + "sbatch"),
        **{**forgotten, **kept, "HOME": str(home), "PATH": f"{home / 'late'}:/usr/bin:/bin"},
    )
    told = dict(line.partition("=")[::2] for line in parsing.answer(done.stdout).splitlines())
    assert not forgotten.keys() & told.keys()
    assert {name: told[name] for name in kept} == kept
    assert told["SLURM_TIME_FORMAT"] == "%s"


@pytest.mark.slurm
def test_a_real_slurm_is_read_right_under_hostile_variables(
    slurm: LocalSlurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", slurm.path)
    for name, value in {
        "SQUEUE_FORMAT": "%j",
        "SQUEUE_STATES": "PD",
        "SLURM_TIME_FORMAT": "relative",
        "SBATCH_ARRAY_INX": "1-3",
        "SBATCH_JOB_NAME": "mine",
        "SBATCH_OUTPUT": str(tmp_path / "theirs"),
        "SLURM_CLUSTERS": "other",
        "SLURM_JOB_ID": "999",
    }.items():
        monkeypatch.setenv(name, value)
    allocator = slurm_allocator(("--exclusive",), tmp_path, "hostile1")
    try:
        number = allocator.submit("hpc.1")
        found = allocator.look()["hpc.1"]
        assert found.allocation_id == number
        assert found.state is not AllocationState.GONE
    finally:
        slurm.command("scancel", *slurm.jobs())


@pytest.mark.slurm
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--partition=nope",), "there is no partition nope"),
        (("--gres=gpu:9",), "no node has what is asked for"),
        (("--gres=tpu:1",), "the GPU type is not there"),
        (("--constraint=x",), "no node has that feature"),
        (("--frobnicate",), "does not know an option"),
        (("--mem=1000G",), "no node has what is asked for"),
    ],
)
def test_bad_input_is_told_by_a_real_slurm_before_and_at_a_submission(
    slurm: LocalSlurm,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    said: str,
) -> None:
    monkeypatch.setenv("PATH", slurm.path)
    before = len(slurm.calls("sbatch"))
    allocator = slurm_allocator(options, tmp_path, "badinput")
    assert said in "\n".join(allocator.check().problems)
    assert all("--test-only" in call or "--version" in call for call in slurm.calls("sbatch")[before:])
    with pytest.raises(AllocationRefused):
        allocator.submit("hpc.1")
    assert not slurm.jobs()
