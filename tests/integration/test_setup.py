"""`setup` in a real login shell, and what is missing in the environment that it makes."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from worker_agent.environment.job_base import JobBase, job_base
from worker_agent.environment.missing import checked, missing_of
from worker_agent.environment.setup_run import run_setup
from worker_agent.environment.setup_script import SetupError
from worker_agent.protocol.messages import Settings

EMPTY = {"PATH": os.environ["PATH"]}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setitem(EMPTY, "HOME", str(tmp_path))
    monkeypatch.setenv("TWOPHASE_SETUP_S", "20")
    return tmp_path


def test_lines_make_the_environment_together() -> None:
    made = run_setup(["export A=1", "B=$A$A; export B", "C=lost"], EMPTY)
    assert (made.env["A"], made.env["B"], "C" in made.env) == ("1", "11", False)
    assert not {"_", "SHLVL", "PWD", "OLDPWD"} & made.env.keys()


def test_it_is_a_login_shell_that_starts_at_home(home: Path) -> None:
    (home / ".bash_profile").write_text("echo welcome; module() { export LOADED=$1; }; cd /")
    made = run_setup(["module cuda/12", "export HERE=$PWD"], EMPTY)
    assert (made.env["LOADED"], made.env["HERE"]) == ("cuda/12", str(home))


def test_garbage_and_odd_values_disturb_nothing() -> None:
    lines = [
        "printf 'A=9\\0done\\0\\377\\n'",
        "export A=$'x\\ny=\\xff'",
        "f() { :; }; export -f f",
        "echo >&2",
    ]
    made = run_setup(lines, EMPTY)
    assert made.env["A"] == "x\ny=\udcff" and "BASH_FUNC_f%%" in made.env


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (
            ["true", "echo why; false"],
            "setup: line 2 (`echo why; false`) failed with exit code 1; it printed why",
        ),
        (["nosuch --load"], "line 1 (`nosuch --load`) failed with exit code 127; it printed bash"),
        (["read -p 'Password: ' x"], "failed with exit code 1"),
        (["true < /dev/tty"], "failed with exit code 1; it printed"),
        (["echo bye; exit 4"], "line 1 (`echo bye; exit 4`) ended the shell; it printed bye"),
        (["if true"], "syntax error"),
        (["kill -9 $$"], "ended the shell"),
    ],
)
def test_a_line_that_fails_or_asks_is_told_with_what_it_printed(lines: list[str], problem: str) -> None:
    with pytest.raises(SetupError) as caught:
        run_setup(lines, EMPTY)
    assert problem in str(caught.value)


def test_a_line_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setenv("TWOPHASE_SETUP_S", "0.5")
    with pytest.raises(SetupError, match=r"line 1 .* did not end within 0.5 s; it printed first"):
        run_setup([f"echo first; echo $$ > {home}/pid; sleep 100"], EMPTY)
    pid = int((home / "pid").read_text())
    for _ in range(500):
        if not Path(f"/proc/{pid}").exists():
            return
        time.sleep(0.01)
    pytest.fail("the shell lives on")


def test_what_goes_on_in_the_background_holds_nothing_up() -> None:
    began = time.monotonic()
    assert run_setup(["sleep 100 & export A=1"], EMPTY).env["A"] == "1"
    assert time.monotonic() - began < 15


def test_without_bash_that_is_said() -> None:
    with pytest.raises(SetupError, match="bash cannot be started: No such file"):
        run_setup(["true"], {"PATH": "/nowhere"})


def test_a_virtual_environment_that_is_activated_runs_the_jobs(home: Path) -> None:
    bin_dir = home / "env" / "bin"
    bin_dir.mkdir(parents=True)
    (bin_dir / "python").symlink_to(sys.executable)
    (bin_dir / "activate").write_text(f"export VIRTUAL_ENV={home}/env PATH={bin_dir}:$PATH")
    base = job_base(Settings(setup=["source env/bin/activate"], env={"MINE": "1"}), EMPTY)
    assert (base.python, base.env["VIRTUAL_ENV"], base.env["MINE"]) == (
        *(str(bin_dir / "python"), f"{home}/env", "1"),
    )


def test_what_jobs_would_not_find_is_named(home: Path) -> None:
    (home / "torchlike.py").touch()
    base = JobBase({**EMPTY, "PYTHONPATH": str(home)}, sys.executable)
    there = ["json", "torchlike"]
    assert missing_of(base, Settings(modules=there)) == []
    assert checked(base, Settings(required_modules=there, directories=[str(home)])) is base
    lacking = ["nosuch_a", "json", "nosuch_b"]
    assert missing_of(base, Settings(modules=lacking)) == [
        f"no module nosuch_a, nosuch_b in {sys.executable}"
    ]
    with pytest.raises(SetupError) as caught:
        checked(base, Settings(required_modules=lacking, directories=["/nosuch/data"]))
    first, second = str(caught.value).split("\n")
    assert first.startswith(f"no module nosuch_a, nosuch_b in {sys.executable}, and the script imports it")
    assert second.startswith("no directory /nosuch/data, which `data` names: put the data there, or ")
    nowhere = JobBase(EMPTY, "/nosuch/python")
    assert missing_of(nowhere, Settings(modules=["x"])) == [], "the start of a job will tell"
    assert checked(nowhere, Settings(required_modules=["x"])) is nowhere
