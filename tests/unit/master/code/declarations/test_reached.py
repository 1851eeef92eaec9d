"""What of a program's files its start can come to."""

from __future__ import annotations

import ast

from master.code.declarations.reached import reached
from master.code.declarations.text import defined_in


def kept(entry: str, *others: str) -> set[str]:
    trees = reached([ast.parse(text) for text in (entry, *others)])
    return set(defined_in(trees[1:]))


def test_what_is_mentioned_is_kept_with_what_it_mentions() -> None:
    other = "def a(): b()\ndef b(): pass\ndef c(): pass\nclass D:\n    def e(self): pass\n"
    assert kept("from other import a", other) == {"a", "b"}
    assert kept("import other\nother.D", other) == {"D", "e"}
    assert kept("model.e(1)", other) == {"D", "e"}
    assert kept("import other", other) == set()


def test_what_a_file_runs_on_its_own_mentions_nothing() -> None:
    assert kept("import other", "def a(): pass\nif __name__ == '__main__':\n    a()") == set()
    assert kept("import other", "def a(): pass\na()") == {"a"}


def test_a_name_of_the_start_s_own_is_not_that_of_another_file() -> None:
    assert kept("import other\ndef main(): pass\nmain()", "def main(): pass") == set()
