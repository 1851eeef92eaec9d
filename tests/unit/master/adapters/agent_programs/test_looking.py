"""Programs that look at a worker are ones that its Python takes."""

from __future__ import annotations

import ast

import pytest

from master.adapters.agent_programs import looking

PROGRAMS = ("PROBE", "RUN", "RUN_ON", "RUN_HERE", "PROBE_AND_RUN", "PROBE_AND_RUN_HERE")


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_oldest_python_of_workers_takes_it(name: str) -> None:
    assert ast.parse(getattr(looking, name), feature_version=(3, 8)).body


def test_an_older_one_gets_as_far_as_to_tell_its_version() -> None:
    """What Python 2 would not take, such as f-strings and annotations, is not in it."""
    found = {type(node) for node in ast.walk(ast.parse(looking.PROBE))}
    assert not found & {ast.JoinedStr, ast.AnnAssign, ast.NamedExpr, ast.Nonlocal, ast.AsyncFunctionDef}


def test_two_in_one_take_the_words_of_both() -> None:
    assert looking.PROBE_AND_RUN.startswith(looking.PROBE) and "del sys.argv[1]" in looking.PROBE_AND_RUN
