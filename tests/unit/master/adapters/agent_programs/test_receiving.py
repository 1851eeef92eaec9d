"""Programs that receive the agent are ones that a worker's Python takes."""

from __future__ import annotations

import ast

import pytest

from master.adapters.agent_programs.receiving import COMPILE, DAMAGED, ENTRY, RECEIVE


@pytest.mark.parametrize("program", [COMPILE, RECEIVE, ENTRY.decode()])
def test_the_oldest_python_of_workers_takes_it(program: str) -> None:
    assert ast.parse(program, feature_version=(3, 8)).body


def test_damage_has_an_exit_code_of_its_own() -> None:
    assert f"sys.exit({DAMAGED})" in RECEIVE and DAMAGED not in (0, 1, 2, 126, 127)
