"""What is read of typer's commands, held against typer itself."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from master.core.flags.passing import problems
from tests.unit.master.code.declarations.meant import (
    BOOLEANS,
    NUMBERS,
    TEXTS,
    WHOLE,
    Case,
    jobs_of,
    many,
    read,
    same,
    told,
)

typer = pytest.importorskip("typer")

HEAD = """
from typing import Annotated, List, Literal, Optional, Tuple
import typer
app = typer.Typer()
"""
CASES = {
    "text": Case('NAME: str = "x"', TEXTS, "x"),
    "maybe": Case("NAME: Optional[str] = None", TEXTS),
    "whole": Case("NAME: int = 0", WHOLE, 0),
    "number": Case("NAME: float | None = None", NUMBERS),
    "switch": Case("NAME: bool = True", BOOLEANS, True),
    "off": Case("NAME: bool = False", BOOLEANS, False),
    "unsure": Case("NAME: Optional[bool] = None", BOOLEANS),
    "named": Case('NAME: bool = typer.Option(True, "--yes/--no")', BOOLEANS, True),
    "force": Case('NAME: Annotated[bool, typer.Option("--force")] = False', BOOLEANS, False),
    "each": Case("NAME: List[int] = []", many(WHOLE), []),
    "pairs": Case("NAME: Tuple[int, float] = (1, 1.0)", st.tuples(WHOLE, NUMBERS).map(list), [1, 1.0]),
    "under_score": Case("NAME: int = 3", WHOLE, 3),
    "own": Case('NAME: Annotated[int, typer.Option("--own-name", "-q")] = 1', WHOLE, 1),
    "must": Case("NAME: Annotated[int, typer.Option()]", WHOLE),
    "often": Case("NAME: Annotated[int, typer.Option(count=True)] = 0", st.integers(0, 3), 0),
    "data": Case('NAME: Annotated[str, typer.Argument()] = "d"', TEXTS, "d"),
}
FIELDS = {"named": "yes", "own": "own-name"}


def script(names: list[str]) -> str:
    parameters = ", ".join(CASES[name].declared.replace("NAME", name) for name in names)
    return f"{HEAD}\n@app.command()\ndef main(*, {parameters}):\n    found.update(locals())\n"


def found_by(source: str, argv: list[str]) -> dict[str, Any]:
    scope: dict[str, Any] = {"found": {}}
    exec(source, scope)
    scope["app"](argv, standalone_mode=False)
    found: dict[str, Any] = scope["found"]
    return found


@given(jobs_of(CASES))
def test_what_is_sent_is_what_was_meant(job: tuple[list[str], dict[str, Any]]) -> None:
    names, config = job
    found = found_by(script(names), told(script(names), {FIELDS.get(n, n): v for n, v in config.items()}))
    for name in names:
        assert same(found[name], config.get(name, CASES[name].unset)), name


def test_a_function_that_is_run_is_read_too() -> None:
    source = "import typer\ndef other(x: int): pass\ndef main(lr: float = 0.1): pass\ntyper.run(main)"
    assert sorted(read(source).by_name) == ["lr"]
    assert "did you mean `lr`" in dict(problems({"lrr": 1}, read(source)))["lrr"]


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (
            "import typer\napp = typer.Typer()\n@app.command()\ndef a(): pass\n@app.command()\ndef b(): pass",
            "subc",
        ),
        ("import typer\nfrom their import main\ntyper.run(main)", "was not found"),
    ],
)
def test_why_a_script_may_take_more(source: str, why: str) -> None:
    assert why in read(source).open
