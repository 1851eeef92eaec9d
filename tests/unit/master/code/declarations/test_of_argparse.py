"""What is read of argparse's declarations, held against argparse itself."""

from __future__ import annotations

import argparse
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from master.core.flags.declared import Takes
from master.core.flags.passing import arguments, problems
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

HEAD = """
import argparse, ast, json
def yes_or_no(text):
    if text.lower() in ("yes", "y"):
        return True
    if text.lower() in ("no", "n"):
        return False
    raise argparse.ArgumentTypeError(text)
parser = argparse.ArgumentParser()
add = parser.add_argument
"""
CASES = {
    "text": Case('add("NAME")', TEXTS),
    "alias": Case('parser.add_argument("-z", "NAME", dest="a_z")', TEXTS),
    "whole": Case('add("NAME", type=int)', WHOLE),
    "number": Case('add("NAME", type=float)', NUMBERS),
    "switch": Case('add("NAME", action="store_true")', BOOLEANS, False),
    "optional": Case('add("NAME", action=argparse.BooleanOptionalAction, default=True)', BOOLEANS, True),
    "off": Case('add("NAME", action=argparse.BooleanOptionalAction, default=False)', BOOLEANS, False),
    "no": Case('add("--no-NOT", dest="no", action="store_false")', BOOLEANS, True),
    "pair": Case(
        'add("NAME", action="store_true", default=True)\n'
        'add("--pair-off", dest="pair", action="store_false")',
        BOOLEANS,
        True,
    ),
    "bool": Case('add("NAME", type=bool, default=True)', BOOLEANS, True),
    "lower": Case('add("NAME", type=lambda s: s.lower() in ("1", "true"), default=True)', BOOLEANS, True),
    "python": Case('add("NAME", type=lambda s: s == "True", default=True)', BOOLEANS, True),
    "unlike": Case('add("NAME", type=lambda s: s != "0", default=True)', BOOLEANS, True),
    "function": Case('add("NAME", type=yes_or_no, default=True)', BOOLEANS, True),
    "literal": Case('add("NAME", type=ast.literal_eval, default=True)', BOOLEANS, True),
    "json": Case('add("NAME", type=json.loads, default=True)', BOOLEANS, True),
    "some": Case('add("NAME", nargs="*", type=float)', many(NUMBERS)),
    "most": Case('add("NAME", nargs="+")', many(TEXTS.filter(lambda text: not text.startswith("@")))),
    "two": Case('add("NAME", nargs=2, type=int)', many(WHOLE, 2, 2)),
    "each": Case('add("NAME", action="append", type=int)', many(WHOLE)),
    "often": Case('add("NAME", "-o", action="count", default=0)', st.integers(0, 4), 0),
    "with_dash": Case('add("--with-dash", type=int)', WHOLE),
    "dotted.name": Case('add("--dotted.name", type=float)', NUMBERS),
    "s": Case('add("-s", type=int)', WHOLE),
    "old": Case('add("-old", type=float)', NUMBERS),
    "data": Case('add("data", nargs="?")', TEXTS),
    "last": Case('add("last", nargs="*", type=int, default=[])', many(WHOLE), []),
}


def script(names: list[str]) -> str:
    lines = (CASES[name].declared.replace("NAME", f"--{name}").replace("NOT", name) for name in names)
    return HEAD + "\n".join(lines)


def parser_of(source: str) -> argparse.ArgumentParser:
    scope: dict[str, Any] = {}
    exec(source, scope)
    parser: argparse.ArgumentParser = scope["parser"]
    return parser


@given(jobs_of(CASES))
def test_what_is_sent_is_what_was_meant(job: tuple[list[str], dict[str, Any]]) -> None:
    names, config = job
    source = script(names)
    found = vars(parser_of(source).parse_args(told(source, config)))
    for name in names:
        target = "a_z" if name == "alias" else name
        assert same(found[target], config.get(name, CASES[name].unset)), name


@given(st.sampled_from(sorted(CASES)), st.text("abcdefgh_-.", min_size=1, max_size=12))
def test_an_unknown_flag_is_refused_by_us_as_by_argparse(name: str, other: str) -> None:
    source = script([name])
    field = f"x{other}"
    assert [field for field, _ in problems({field: 1}, read(source))] == [field]
    with pytest.raises(SystemExit):
        parser_of(source).parse_args([f"--{field}", "1"])


@pytest.mark.parametrize("value", [5, "true", [True], 1.5])
def test_a_switch_takes_true_and_false_alone(value: Any) -> None:
    assert (
        "allowed are true and false" in dict(problems({"switch": value}, read(script(["switch"]))))["switch"]
    )


def test_all_names_of_a_switch_that_says_no_say_no() -> None:
    source = HEAD + 'add("--no-x", "--no_x", "-n", dest="x", action="store_false")\n'
    for config, found in (
        ({"no_x": False}, True),
        ({"no_x": True}, False),
        ({"no-x": True}, False),
        ({"n": True}, False),
        ({"x": False}, False),
        ({"x": True}, True),
    ):
        assert vars(parser_of(source).parse_args(told(source, config))) == {"x": found}, config


def test_one_value_is_no_list() -> None:
    assert "takes one value" in dict(problems({"text": [1, 2]}, read(script(["text"]))))["text"]
    assert "takes 2" in dict(problems({"two": [1, 2, 3]}, read(script(["two"]))))["two"]


def test_a_switch_that_is_on_cannot_be_told_false() -> None:
    source = HEAD + 'add("--x", action="store_true", default=True)\nadd("--y", action="store_true")\n'
    flags = read(source + "parser.set_defaults(y=True)").by_name
    assert (flags["x"].off, flags["y"].off) == (None, None)
    assert read(source).by_name["y"].off == ()


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("parser.parse_known_args()", "parse_known_args"),
        ('add(f"--{name}")', "as it runs"),
        ("for field in fields(Config): add('--' + field.name)", "as it runs"),
        ("parser.add_subparsers()", "subcommands"),
        ("their.add_flags(parser)", "add_flags may declare more"),
        ("parser = their.parser()", "parser may declare more"),
        ("from their import more\nmore.add_argument('--wd')", "not seen to be made"),
        ("their.parser().parse_args()", "parser may declare more"),
        ("argparse.ArgumentParser(parents=[their.parser()])", "a parent"),
    ],
)
def test_why_a_script_may_take_more(line: str, why: str) -> None:
    source = HEAD + 'add("--lr")\n' + line
    assert why in read(source).open
    assert list(problems({"lrr": 1}, read(source))) == []
    assert arguments({"lrr": 1, "lr": 2}, read(source)) == ["--lrr", "1", "--lr", "2"]


@pytest.mark.parametrize(
    "lines",
    [
        "def add_more(parser): parser.add_argument('--wd')\nadd_more(parser)",
        "common = argparse.ArgumentParser(add_help=False)\ncommon.add_argument('--wd')\n"
        "parser = argparse.ArgumentParser(parents=[common])",
        "for name in ('--wd', '--mom'): parser.add_argument(name)",
        "group = parser.add_argument_group('more')\ngroup.add_argument('--wd')",
    ],
)
def test_what_is_declared_elsewhere_is_seen(lines: str) -> None:
    script = read(HEAD + 'add("--lr")\n' + lines)
    assert script.open == ""
    assert {"lr", "wd"} <= set(script.by_name)


def test_what_cannot_be_read_of_a_flag_is_passed_as_ever() -> None:
    script = read(HEAD + 'add("--x", **more)\nadd("--y", action=Own)\nadd("--z", nargs=N)')
    assert {flag.takes for flag in script.by_name.values()} == {Takes.UNKNOWN}
    assert arguments({"x": True, "y": [1, 2], "z": False}, script) == ["--x", "--y", "1", "2"]
