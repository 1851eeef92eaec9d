"""What a program imports first, read from its text."""

from __future__ import annotations

from pathlib import Path

import pytest

from worker_agent.executors.imports import Needs, NotPythonError, Program, needs_of, program_of


def needs(root: Path, source: str) -> Needs:
    return needs_of(Program(source, root))


def modules(root: Path, source: str) -> list[str]:
    return [module for module, _ in needs(root, source).imports]


def write(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root.joinpath(*name.split("__")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_programs_are_found_as_python_finds_them(tmp_path: Path) -> None:
    write(tmp_path, train="import a", package__part="import b", package__sub__x="")
    (tmp_path / "package" / "__init__.py").write_text("")
    (tmp_path / "package" / "__main__.py").write_text("import c")
    python = "/usr/bin/python3.11"
    assert program_of([python, "-c", "import x"], tmp_path) == Program("import x", tmp_path)
    script = program_of([python, "train.py", "--lr", "1"], tmp_path)
    assert (script.source, script.root, script.path) == ("import a", tmp_path, tmp_path / "train.py")
    module = program_of([python, "-m", "package.part"], tmp_path)
    assert (module.source, module.package, module.root) == ("import b", "package", tmp_path)
    whole = program_of([python, "-m", "package"], tmp_path)
    assert (whole.source, whole.package) == ("import c", "package")


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        (["/bin/sh", "x"], "sh is not a Python interpreter"),
        (["python"], "given no program"),
        (["python3", "-u", "x.py"], "given -u"),
        (["python3", "-m", "elsewhere"], "module elsewhere is not among the job's files"),
        (["python3", "."], ". is no script in text"),
        (["python3", "x.pyc"], "x.pyc is no script in text"),
    ],
)
def test_what_cannot_be_read_as_a_program_says_why(tmp_path: Path, argv: list[str], why: str) -> None:
    with pytest.raises(NotPythonError, match=why.replace(".", r"\.")):
        program_of(argv, tmp_path)


def test_imports_come_in_the_order_in_which_they_are_executed(tmp_path: Path) -> None:
    write(tmp_path, helper="import numpy\nfrom . import nothing", package__deep="import torch.nn")
    source = (
        "from __future__ import annotations\nimport os, helper\nfrom package import deep\n"
        "try:\n    import yaml\nexcept ImportError:\n    pass\n"
        "def later():\n    import never\n"
        "from json import dumps, loads\nfrom csv import *\nimport os\n"
    )
    assert modules(tmp_path, source) == ["os", "numpy", "torch.nn", "yaml", "json", "csv"]
    assert ("json", ("dumps", "loads")) in needs(tmp_path, source).imports
    assert ("csv", ()) in needs(tmp_path, source).imports


def test_relative_imports_are_followed(tmp_path: Path) -> None:
    write(
        tmp_path, package__part="from .sibling import x\nfrom .. import up", package__sibling="import scipy"
    )
    (tmp_path / "package" / "__init__.py").write_text("")
    program = Program("from package.part import y", tmp_path)
    assert [module for module, _ in needs_of(program).imports] == ["scipy"]


def test_settings_before_what_could_heed_them_are_made_before_the_imports(tmp_path: Path) -> None:
    source = (
        "import os\nos.environ['A'] = '1'\nos.environ.setdefault('B', '2')\nimport torch\n"
        "os.environ['C'] = '3'\nimport never\n"
    )
    found = needs(tmp_path, source)
    assert [module for module, _ in found.imports] == ["os", "torch"]
    assert found.apply({"A": "0", "B": "0"}) == {"A": "1", "B": "0"}
    assert found.apply({}) == {"A": "1", "B": "2"}


@pytest.mark.parametrize(
    "change",
    [
        "os.environ[name] = 'x'",
        "os.environ.update(a='b')",
        "os.putenv('A', 'B')",
        "del os.environ['A']",
        "def f():\n    os.environ['A'] = 'B'",
        "os.environ.setdefault('A', value)",
    ],
)
def test_what_follows_a_change_that_is_not_known_is_left_to_the_program(tmp_path: Path, change: str) -> None:
    assert modules(tmp_path, f"import os\n{change}\nimport torch\n") == ["os"]


def test_a_change_in_a_module_beside_ends_the_reading_too(tmp_path: Path) -> None:
    write(tmp_path, helper="import os\nos.environ.clear()\nimport numpy", other="import scipy")
    assert modules(tmp_path, "import helper\nimport other\nimport torch") == ["os"]


def test_a_text_that_does_not_parse_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotPythonError, match="it cannot be parsed"):
        needs(tmp_path, "import (")
