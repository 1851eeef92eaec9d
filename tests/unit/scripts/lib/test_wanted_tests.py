"""What is made ready for which arguments of `scripts/test`."""

import pytest

from scripts.lib.wanted_tests import plan

EVERYTHING = ["tools", "engine", "checks"]


@pytest.mark.parametrize("arguments", [[], ["-k", "plan"], ["-x", "-m", "not slow"], ["-k", "tests/unit"]])
def test_without_a_path_everything_is_made_ready(arguments: list[str]) -> None:
    assert plan(arguments) == (EVERYTHING, arguments)


@pytest.mark.parametrize(
    ("paths", "needs"),
    [
        (["tests/unit"], []),
        (["./tests/unit/"], []),
        (["tests/unit/master/view/test_lines.py::test_x", "tests/unit/trainers"], []),
        (["tests/contract"], ["tools"]),
        (["tests/unit", "tests/integration/test_warm.py"], ["tools"]),
        (["tests/e2e/test_faults.py::test_x"], ["tools", "engine"]),
        (["tests/chaos"], ["tools", "engine"]),
        (["tests"], ["tools", "engine"]),
        (["tests/unit_of_measure"], ["tools"]),
    ],
)
def test_paths_get_what_they_need(paths: list[str], needs: list[str]) -> None:
    assert plan([*paths, "-k", "word"]) == (needs, [*paths, "-k", "word"])


def test_quick_is_the_unit_tests_but_for_the_slow_ones() -> None:
    assert plan(["--quick"]) == ([], ["tests/unit", "-m", "not slow"])
    assert plan(["--quick", "-k", "plan"]) == ([], ["-k", "plan", "tests/unit", "-m", "not slow"])


def test_quick_keeps_the_paths_that_are_named() -> None:
    assert plan(["tests/contract", "--quick"]) == (["tools"], ["tests/contract", "-m", "not slow"])
