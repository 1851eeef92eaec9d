"""What is read of click's declarations, held against click itself."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

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

click = pytest.importorskip("click")

CASES = {
    "text": Case('@click.option("NAME")', TEXTS),
    "named": Case('@click.option("--named", "-n", "own_name", default="x")', TEXTS, "x"),
    "whole": Case('@click.option("NAME", default=0)', WHOLE, 0),
    "number": Case('@click.option("NAME", type=float)', NUMBERS),
    "pair": Case('@click.option("NAME/--no-pair", default=True)', BOOLEANS, True),
    "other": Case('@click.option("NAME/--without", default=False)', BOOLEANS, False),
    "flag": Case('@click.option("NAME", is_flag=True)', BOOLEANS, False),
    "bool": Case('@click.option("NAME", type=bool, default=True)', BOOLEANS, True),
    "inferred": Case('@click.option("NAME", default=True)', BOOLEANS, True),
    "each": Case('@click.option("NAME", multiple=True, type=int)', many(WHOLE), []),
    "two": Case('@click.option("NAME", nargs=2, type=float)', many(NUMBERS, 2, 2)),
    "kinds": Case('@click.option("NAME", type=(int, str))', st.tuples(WHOLE, TEXTS).map(list)),
    "often": Case('@click.option("NAME", count=True)', st.integers(0, 4), 0),
    "with-dash": Case('@click.option("--with-dash", type=int)', WHOLE),
    "s": Case('@click.option("-s", type=int)', WHOLE),
    "dotted.name": Case('@click.option("--dotted.name", "dotted", type=int)', WHOLE),
    "data": Case('@click.argument("data", required=False)', TEXTS),
    "last": Case('@click.argument("last", nargs=-1, type=int)', many(WHOLE), []),
}
TARGETS = {"named": "own_name", "with-dash": "with_dash", "dotted.name": "dotted"}


def script(names: list[str]) -> str:
    lines = (CASES[name].declared.replace("NAME", f"--{name}") for name in names)
    body = "\ndef main(**found):\n    return found\n"
    return "import click\n@click.command()\n" + "\n".join(lines) + body


def found_by(source: str, argv: list[str]) -> dict[str, Any]:
    scope: dict[str, Any] = {}
    exec(source, scope)
    found: dict[str, Any] = scope["main"](argv, standalone_mode=False)
    return found


@given(jobs_of(CASES))
def test_what_is_sent_is_what_was_meant(job: tuple[list[str], dict[str, Any]]) -> None:
    names, config = job
    found = found_by(script(names), told(script(names), config))
    for name in names:
        assert same(found[TARGETS.get(name, name)], config.get(name, CASES[name].unset)), name


def test_an_unknown_option_is_refused_by_us_as_by_click() -> None:
    source = script(["whole", "pair"])
    assert dict(problems({"whoel": 1}, read(source))) == {
        "whoel": "is no flag of train.py: did you mean `whole`?"
    }
    with pytest.raises(click.NoSuchOption):
        found_by(source, ["--whoel", "1"])


def test_the_word_for_no_is_a_field_too() -> None:
    source = script(["other"])
    for config, found in (({"without": True}, False), ({"without": False}, True)):
        assert found_by(source, told(source, config)) == {"other": found}
    problem = "is one with `other`: both are --without of train.py"
    assert list(problems({"other": True, "without": True}, read(source))) == [("without", problem)]


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("import click\n@click.group()\ndef main(): pass\n@main.command()\ndef a(): pass", "subcommands"),
        (
            "import click\n@click.command(context_settings=dict(ignore_unknown_options=True))\n"
            "@click.option('--lr')\ndef main(lr): pass",
            "ignores unknown",
        ),
        ("import click\n@click.command()\n@click.option(NAME)\ndef main(lr): pass", "as it runs"),
        ("import click\n@click.command()\n@theirs\n@click.option('--lr')\ndef main(lr): pass", "theirs may"),
        ("import click\n@click.command(cls=Own)\n@click.option('--lr')\ndef main(lr): pass", "of a class"),
    ],
)
def test_why_a_script_may_take_more(source: str, why: str) -> None:
    assert why in read(source).open
    assert arguments({"more": 1}, read(source)) == ["--more", "1"]
