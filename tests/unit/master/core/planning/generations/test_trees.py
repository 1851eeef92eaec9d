"""Base models in the order of their tree."""

from __future__ import annotations

from master.core.planning.generations.trees import below, branch, in_tree, line

PARENTS = {"b": "a", "c": "a", "d": "b"}


def test_children_come_behind_their_parents() -> None:
    assert in_tree("dxcba", PARENTS) == [("x", 0), ("a", 0), ("c", 1), ("b", 1), ("d", 2)]
    assert in_tree("ba", {}) == [("b", 0), ("a", 0)]


def test_a_child_whose_parent_is_not_listed_stands_by_itself() -> None:
    assert in_tree("db", PARENTS) == [("b", 0), ("d", 1)]
    assert in_tree("d", PARENTS) == [("d", 0)]


def test_what_starts_from_a_child_starts_from_its_ancestors() -> None:
    assert below({"d": 2, "c": 1, "a": 0}, PARENTS) == {"d": 2, "b": 2, "c": 1, "a": 3}
    assert below({"d": 2}, {}) == {"d": 2}


def test_a_line_ends_with_what_starts_from_nothing() -> None:
    assert list(line("d", PARENTS)) == ["d", "b", "a"] and not list(line(None, PARENTS))


def test_what_files_say_to_come_of_itself_ends_and_is_listed() -> None:
    circle = {"a": "b", "b": "a", "c": "c", "d": "a"}
    assert list(line("a", circle)) == ["a", "b"]
    assert in_tree("abxd", circle) == [("x", 0), ("a", 0), ("b", 0), ("d", 0)]
    assert in_tree("c", circle) == [("c", 0)]
    assert below({"c": 1, "d": 2}, circle)["d"] == 2


def test_depth_is_shown() -> None:
    assert [branch(depth) for depth in range(3)] == ["", "└ ", "  └ "]
