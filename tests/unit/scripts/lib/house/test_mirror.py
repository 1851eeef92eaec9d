"""Unit tests mirror the packages."""

import pytest

from scripts.lib.house.measure import Module, measure_source
from scripts.lib.house.mirror import strange_folders, untested

LOGIC = "def f(x):\n    return x or 1\n"


def modules(*paths: str, source: str = LOGIC) -> list[Module]:
    return [measure_source(path, source) for path in paths]


@pytest.mark.parametrize(
    ("path", "test"),
    [
        ("master/view/lines.py", "tests/unit/master/view/test_lines.py"),
        ("master/view/lines.py", "tests/unit/master/view/test_lines_that_fold.py"),
        ("master/intake/cluster_gpus.py", "tests/unit/master/intake/test_cluster.py"),
        ("worker_agent/runtime/effects/slots.py", "tests/unit/worker_agent/runtime/test_effects.py"),
        ("trainers/mine/__main__.py", "tests/unit/trainers/mine/test_main.py"),
    ],
)
def test_a_test_module_is_named_after_what_it_tests(path: str, test: str) -> None:
    assert untested(modules(path), modules(test)) == []


@pytest.mark.parametrize(
    "test",
    [
        "tests/unit/master/view/test_line.py",
        "tests/unit/master/runs/test_lines.py",
        "tests/integration/test_lines.py",
        "tests/unit/master/view/test_lines2.py",
    ],
)
def test_other_names_and_places_do_not_count(test: str) -> None:
    assert untested(modules("master/view/lines.py"), modules(test)) == ["master/view/lines.py"]


@pytest.mark.parametrize("source", ["LIMIT = 3\n", "def f(x):\n    return x\n", f"import socket\n\n{LOGIC}"])
def test_what_has_no_logic_or_what_unit_tests_may_not_use_needs_none(source: str) -> None:
    assert untested(modules("master/view/lines.py", source=source), []) == []


def test_each_folder_of_unit_tests_has_its_package() -> None:
    tests = modules(
        "tests/unit/test_all.py", "tests/unit/master/view/test_a.py", "tests/unit/master/cellar/test_b.py"
    )
    assert strange_folders({"master/view"}, tests) == ["tests/unit/master/cellar"]
