"""What the plan says of the code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from master.code.former_code import CodeReport
from master.code.sources import Sources
from master.view.plan_code import PlannedCode, code_json, print_code
from tests.unit.master.view.conftest import paper, written

SOURCES = Sources(
    Path("/project"),
    (Path("train.py"), Path("helper.py")),
    ("{python}", "train.py"),
    left_out=tuple(f"{number}.pt: too large" for number in range(7)),
    passed_over=("data/: ignored by git",),
    entry=Path("train.py"),
    why_root="the git repository",
    total_bytes=1_234_567,
)
REPORT = CodeReport({"5" * 32: "helper.py changed"}, ("1 base model is trained again: helper.py changed",))


def shown(code: PlannedCode, width: int = 80) -> list[str]:
    console = paper(width)
    print_code(console, code)
    return written(console).splitlines()


def test_the_root_what_travels_what_does_not_and_what_changed() -> None:
    lines = shown(PlannedCode(SOURCES, REPORT, ("be\x1b[31mware",)))
    assert lines[0] == "Project root: /project (the git repository), 2 files, 1.2 MB"
    assert lines[1:7] == [
        *(f"Not copied: {number}.pt: too large" for number in range(5)),
        "Not copied: 2 more, all of them in the JSON form",
    ]
    assert lines[7:] == [
        "Not copied: data/: ignored by git",
        "Note: beware",
        "Note: 1 base model is trained again: helper.py changed",
        "",
    ]


@pytest.mark.parametrize(("size", "text"), [(0, "0 bytes"), (999, "999 bytes"), (41_300, "41.3 kB")])
def test_sizes(size: int, text: str) -> None:
    sources = Sources(Path("/p"), (Path("a.py"),), (), entry=Path("a.py"), why_root="why", total_bytes=size)
    assert shown(PlannedCode(sources))[0] == f"Project root: /p (why), 1 file, {text}"


def test_lines_are_whole_in_a_narrow_pipe() -> None:
    long = "x" * 200
    assert f"Note: {long}" in shown(PlannedCode(SOURCES, notes=(long,)), width=40)


def test_a_trainer_that_ships_with_us_is_no_news() -> None:
    sources = Sources(Path("/p"), (Path("a.py"),), ())
    assert shown(PlannedCode(sources)) == []
    assert shown(PlannedCode(sources, notes=("x",))) == ["Note: x", ""]


def test_the_json_form_holds_all() -> None:
    found = json.loads(json.dumps(code_json(PlannedCode(SOURCES, REPORT, ("x",)))))
    assert (found["project_root"], found["entry"], found["files"], found["bytes"]) == (
        *("/project", "train.py", 2, 1_234_567),
    )
    assert (len(found["left_out"]), found["passed_over"]) == (7, ["data/: ignored by git"])
    assert found["notes"] == ["x", *REPORT.notes]
    assert found["retrained"] == {"5" * 32: "helper.py changed"}
