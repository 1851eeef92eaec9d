"""Parsers of all kinds, the values that jobs have for them, and what their scripts are to find."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from master.code.declarations.reading import flags_in
from master.core.flags.declared import ScriptFlags
from master.core.flags.passing import arguments, problems

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8).filter(
    lambda text: text != "--"
)
WHOLE = st.integers(-(10**6), 10**6)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False, width=32)
BOOLEANS = st.booleans()


def many(values: st.SearchStrategy[Any], least: int = 1, most: int = 3) -> st.SearchStrategy[list[Any]]:
    """Return lists of values; those that begin with a dash are no items that a jobs file takes."""
    return st.lists(
        values.filter(lambda value: not str(value).startswith("-") or not isinstance(value, str)),
        min_size=least,
        max_size=most,
    )


@dataclass(frozen=True)
class Case:
    """How a script declares a value, and what it may be."""

    declared: str
    """A line of the script, in which NAME stands for the flag."""
    values: st.SearchStrategy[Any]
    unset: Any = None
    """What the script finds where it is told nothing."""


@st.composite
def jobs_of(draw: Any, cases: Mapping[str, Case]) -> tuple[list[str], dict[str, Any]]:
    """Return what a script declares, and the fields of a job for it, by the names of `cases`.

    `must` has to be given, and `data` wherever `last`, which is greedy and comes last, is.
    """
    names = draw(st.lists(st.sampled_from(sorted(cases)), min_size=1, max_size=6, unique=True))
    names.sort(key=lambda name: name == "last")
    chosen = draw(st.lists(st.sampled_from(names), unique=True))
    wanted = {"must", *(["data"] if "last" in chosen else [])}
    chosen += [name for name in names if name in wanted and name not in chosen]
    return names, {name: draw(cases[name].values) for name in chosen}


def read(source: str) -> ScriptFlags:
    """Return what a script's text tells."""
    return flags_in("train.py", [ast.parse(source)])


def told(source: str, config: Mapping[str, Any]) -> list[str]:
    """Return the command line of a job, which must be one that passes all checks."""
    script = read(source)
    assert script.open == ""
    assert list(problems(config, script)) == []
    return arguments(config, script)


def same(found: Any, meant: Any) -> bool:
    """Tell whether a script has found what was meant."""
    if isinstance(meant, (list, tuple)):
        return len(found) == len(meant) and all(map(same, found, meant))
    return type(found) is type(meant) and found == meant
