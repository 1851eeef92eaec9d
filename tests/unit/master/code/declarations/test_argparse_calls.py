"""Where a program calls upon argparse."""

from __future__ import annotations

import ast

import pytest

from master.code.declarations.argparse_calls import declarations, doubts, on_by_default


@pytest.mark.parametrize(
    ("source", "names", "target"),
    [
        ("p.add_argument('--a-b', '-a')", ("--a-b", "-a"), "a_b"),
        ("p.add_argument('-a')", ("-a",), "a"),
        ("p.add_argument('-a', '--long', dest='own')", ("-a", "--long"), "own"),
        ("add = p.add_argument\nadd('data')", ("data",), "data"),
        ("p.add_argument(name)", (), ""),
    ],
)
def test_a_declaration_has_names_and_a_target(source: str, names: tuple[str, ...], target: str) -> None:
    (found,) = declarations([ast.parse(source)])
    assert (found.names, found.target, found.action) == (names, target, "store")


def test_a_loop_over_texts_declares_each() -> None:
    found = declarations([ast.parse("for n in ['--a', '--b']:\n    p.add_argument(n, action='store_true')")])
    assert [(each.names, each.action, each.number) for each in found] == [
        (("--a",), "store_true", 0),
        (("--b",), "store_true", 1),
    ]


def test_a_function_of_the_same_name_as_the_method_has_elsewhere_declares_what_it_says_itself() -> None:
    source = """
def places(p):
    add = p.add_argument
    add("--data")

def settings(p):
    def add(name, **more):
        p.add_argument(f"--{name}", **more)
    add("inputs", type=int)

def others(add):
    add("--more")
"""
    assert [each.names for each in declarations([ast.parse(source)])] == [("--data",), (), ("--more",)]


@pytest.mark.parametrize(
    "line", ["add = partial(p.add_argument, type=int)", "more(p.add_argument)", "self.add = p.add_argument"]
)
def test_a_method_that_is_handed_on_may_declare_more(line: str) -> None:
    source = (
        "def more(add): add('--a')\np = ArgumentParser()\nadd = p.add_argument\nadd('--b')\np.parse_args()"
    )
    assert list(doubts([ast.parse(source)])) == []
    assert list(doubts([ast.parse(f"{source}\n{line}")])) == ["it hands add_argument on"]


def test_what_is_made_true_afterwards_is_seen() -> None:
    assert on_by_default([ast.parse("p.set_defaults(a=True, b=False, c=x)")]) == {"a"}


def test_a_parser_that_is_shown_or_given_to_a_function_of_ours_raises_no_doubt() -> None:
    source = "p = ArgumentParser()\nprint(p)\ndef more(q): pass\nmore(p)\np.parse_args()"
    assert list(doubts([ast.parse(source)])) == []
    assert list(doubts([ast.parse(source + "\ntheirs(q=p)")])) == ["theirs may declare more"]
