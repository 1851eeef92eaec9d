"""The command: its flags, its exit codes, and what it leaves when something goes wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from master.commands import run_two_phase, run_two_phase_work
from master.commands.options.run_two_phase import TwoPhaseOptions, parse
from master.errors import ConfigError, InternalError, NoUsableWorker, SessionLost, UsageError
from tests.unit.master.commands.conftest import probing
from worker_agent import __version__

REQUIRED = ["--cluster-config", "c.json", "--jobs-config", "j.json"]


def test_defaults() -> None:
    options = parse(REQUIRED)
    assert (options.run_dir, options.retries, options.lease) == (Path(), 1, 300.0)
    assert not (options.dry_run or options.skip_phase1 or options.strict_phases or options.quiet)


def test_help_tells_what_happens_and_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as leaving:
        run_two_phase.main(["--help"])
    out = capsys.readouterr().out
    assert leaving.value.code == 0
    for words in ("Phase 1 trains", "exit codes:", "130 interrupted", "examples:", "--skip-phase1"):
        assert words in out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as leaving:
        run_two_phase.main(["--version"])
    assert (leaving.value.code, capsys.readouterr().out) == (0, f"run_two_phase {__version__}\n")


@pytest.mark.parametrize("flags", [[], REQUIRED[:2], [*REQUIRED, "--retries", "x"], [*REQUIRED, "extra"]])
def test_wrong_command_lines(flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as leaving:
        run_two_phase.main(flags)
    assert leaving.value.code == 2
    error, usage = capsys.readouterr().err.splitlines()
    assert error.startswith("run_two_phase: error: ")
    assert usage == "usage: run_two_phase [options]; run_two_phase --help tells them all"


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (UsageError("--x: wrong"), 2, "--x: wrong"),
        (ConfigError("jobs.json", "job 3", "wrong"), 3, "jobs.json: job 3: wrong"),
        (NoUsableWorker("none"), 4, "none"),
        (SessionLost("lab1: gone"), 1, "lab1: gone"),
        (InternalError("a cannot b"), 70, "a cannot b"),
        (SessionLost("lab1: a\x1b]0;title\x07b\n  c\a"), 1, "lab1: ab\n  c"),
        (OSError(28, "No space left on device", "/x"), 2, "/x: No space left on device"),
        (KeyboardInterrupt(), 130, "interrupted before anything was started"),
    ],
)
def test_errors_are_one_message_and_an_exit_code(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    says: str,
) -> None:
    def failing(_: TwoPhaseOptions) -> int:
        raise error

    monkeypatch.setattr(run_two_phase_work, "work", failing)
    assert run_two_phase.main(REQUIRED) == code
    assert capsys.readouterr().err == f"run_two_phase: {says}\n"


@pytest.mark.parametrize(("reachable", "code"), [((True, False), 0), ((False, False), 4)])
def test_a_dry_run_tells_the_plan_and_whether_it_could_run(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    argv: list[str],
    tmp_path: Path,
    reachable: tuple[bool, ...],
    code: int,
) -> None:
    probing(monkeypatch, *reachable)
    assert run_two_phase.main([*argv, "--dry-run", "--json"]) == code
    plan = json.loads(capsys.readouterr().out)
    assert (plan["jobs"], len(plan["base_models"]["to_train"])) == (2, 2)
    assert [worker["reachable"] for worker in plan["workers"]] == list(reachable)
    assert run_two_phase.main([*argv, "--dry-run"]) == code
    assert "2 experiments; 2 base models to train" in capsys.readouterr().out
    assert not (tmp_path / "run").exists()
