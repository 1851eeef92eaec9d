"""The options that both commands have: defaults, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from master.commands.options import run_all_training, run_two_phase
from master.core.running.policy import Policy
from master.runs.launching import NO_LIMITS

DOCS = Path(__file__).parents[5] / "docs"
FILES = ["--cluster-config", "c.json", "--jobs-config", "j.json"]
SHARED = ("timeout", "stall_timeout", "executor", "give_up_after")


def test_defaults_are_those_of_the_run() -> None:
    options, policy = run_two_phase.parse(FILES), Policy()
    assert (options.retries, options.lease) == (policy.retries, policy.lease_s)
    assert f"(`--lease`, {policy.lease_s:g} s)" in (DOCS / "running.md").read_text()


def test_both_commands_leave_the_same_unsaid() -> None:
    unsaid = (NO_LIMITS.timeout_s, NO_LIMITS.stall_timeout_s, None, None)
    for options in (run_two_phase.parse(FILES), run_all_training.parse([])):
        assert tuple(getattr(options, name) for name in SHARED) == unsaid
    assert run_all_training.parse([]).retries == 0


@pytest.mark.parametrize(
    ("flag", "text", "allowed"),
    [
        ("--retries", "101", "number of tries (0 to 100)"),
        ("--retries", "-1", "number of tries (0 to 100)"),
        ("--retries", "1.5", "number of tries (0 to 100)"),
        ("--timeout", "0", "time (seconds above 0, or like 90s, 15m, 2h, 1d)"),
        ("--timeout", "1min", "time (seconds above 0, or like 90s, 15m, 2h, 1d)"),
        ("--stall-timeout", "soon", "time (seconds above 0, or like 90s, 15m, 2h, 1d)"),
        ("--give-up-after", "-1", "time (0, seconds, or like 90s, 15m, 2h, 1d)"),
        ("--lease", "0.5", "number of seconds (1 to 1e7)"),
        ("--lease", "nan", "number of seconds (1 to 1e7)"),
    ],
)
def test_what_is_allowed_is_said(
    flag: str, text: str, allowed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        run_two_phase.parse([*FILES, f"{flag}={text}"])
    assert f"argument {flag}: invalid {allowed} value: '{text}'" in capsys.readouterr().err


@pytest.mark.parametrize(("text", "seconds"), [("0", 0.0), ("90", 90.0), ("2h", 7200.0)])
def test_both_commands_take_how_long_a_run_waits_for_workers(text: str, seconds: float) -> None:
    given = ["--give-up-after", text]
    two_phase, training = run_two_phase.parse([*FILES, *given]), run_all_training.parse(given)
    assert (two_phase.give_up_after, training.give_up_after) == (seconds, seconds)
