"""Goals, and words for the parts."""

from __future__ import annotations

from benchmarks.gpu_check.parts import GOALS, PARTS, Goal, Setting, command


def test_a_goal_is_a_least_or_a_most() -> None:
    assert Goal(3.0).is_met(3.0) and not Goal(3.0).is_met(2.9)
    assert Goal(0.2, at_most=True).is_met(0.2) and not Goal(0.2, at_most=True).is_met(0.21)
    assert (str(Goal(3.0)), str(Goal(0.2, at_most=True))) == ("≥ 3", "≤ 0.2")


def test_each_goal_is_of_a_part() -> None:
    names = {part.name for part in PARTS}
    assert {name.partition(":")[0] for name in GOALS} <= names | {"search"}


def test_a_part_is_a_module_with_its_flags() -> None:
    small = {part.name: command(part, Setting("cpu", 0, small=True))[2:] for part in PARTS}
    assert small["probes"] == ["benchmarks.gpu_check.probes", "--device", "cpu", "--small"]
    assert small["two cards"][-2:] == ["--cards", "2"]
