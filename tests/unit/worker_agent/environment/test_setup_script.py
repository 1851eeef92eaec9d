"""`setup` as a script, and what is made of its answer."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker_agent.environment.setup_script import SetUp, is_over, problem_of, result_of, script_of

LINES = ("module load cuda", "conda activate x")
WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)


def told(*records: str, env: Sequence[str] = ()) -> bytes:
    ours = [f"m {record}" for record in records]
    if env:
        at = ours.index("m env") + 1
        ours[at:at] = env
    return "".join(f"{record}\0" for record in ours).encode()


def test_each_line_is_one_word_that_cannot_reach_what_comes_after() -> None:
    script = script_of(["echo 'x", "exit\n"], 7, "m")
    assert f"eval {shlex.quote(chr(39).join(['echo ', 'x']))} 7>&- || " in script
    assert script.index("'line 1'") < script.index("'line 2'") < script.index("/usr/bin/env -0 >&7")


@given(st.dictionaries(st.from_regex("[A-Z][A-Z0-9_]*", fullmatch=True), WORDS))
def test_the_environment_comes_through_whatever_its_values(env: dict[str, str]) -> None:
    data = told("path /bin", "line 1", "env", "done", env=[f"{name}={value}" for name, value in env.items()])
    assert is_over(data, "m")
    expected = {name: value for name, value in env.items() if name not in ("PWD", "SHLVL", "OLDPWD")}
    assert result_of(data, "m") == SetUp(expected, "/bin")
    assert problem_of(data, b"noise", LINES, "m", "") == ""


def test_it_is_over_only_once_its_last_record_is_whole() -> None:
    whole = told("path /bin", "line 1", "env", "done", env=["A=m failed 1"])
    assert [is_over(whole[:count], "m") for count in (0, len(whole) - 1, len(whole))] == [False, False, True]
    assert is_over(told("path /bin", "line 1", "failed 3"), "m")
    assert not is_over(told("path /bin", "line 1"), "m")


@pytest.mark.parametrize(
    ("records", "printed", "ending", "problem"),
    [
        (
            ("path /bin", "line 1", "line 2", "failed 3"),
            b"CondaError: conda init\n",
            "",
            "setup: line 2 (`conda activate x`) failed with exit code 3; it printed CondaError: conda init",
        ),
        (
            ("path /bin", "line 1"),
            b"",
            "did not end within 300 s",
            "setup: line 1 (`module load cuda`) did not end within 300 s and printed nothing;"
            " what asks for something fails, as there is no terminal and the input is empty",
        ),
        (
            (),
            b"bash: bad profile",
            "ended the shell",
            "setup: the login shell, before the first line, ended the shell; it printed bash: bad profile",
        ),
    ],
)
def test_a_problem_names_the_line_and_what_it_printed(
    records: tuple[str, ...], printed: bytes, ending: str, problem: str
) -> None:
    assert problem_of(told(*records), printed, LINES, "m", ending) == problem


def test_of_what_was_printed_the_end_is_told() -> None:
    said = problem_of(told("path x", "line 1", "failed 1"), b"a" * 9000 + b"the reason", LINES, "m", "")
    assert said.endswith("the reason") and len(said) < 2200
