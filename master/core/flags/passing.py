"""A job's fields as the command line of its script, and what is wrong with them as that."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from master.core.flags import spelling, undeclared
from master.core.flags.declared import Flag, ScriptFlags
from master.specs import Config

Problem = tuple[str, str]
"""A field and what is wrong with it, as a predicate."""


def is_passed(name: str, value: Any) -> bool:
    """Tell whether a field has a value that a script is told."""
    return not name.startswith("_") and value is not None and value != []


def arguments(config: Config, script: ScriptFlags) -> list[str]:
    """Return what follows a script's name for a job with these fields, which must have been checked."""
    argv, places = list(script.words), dict[int, list[str]]()
    for name, value in config.items():
        if not is_passed(name, value):
            continue
        flag = script.find(name)
        if flag is None:
            argv += undeclared.undeclared(name, value, script.style)
        elif flag.place is None:
            argv += spelling.said(flag, value, script.style)
        else:
            places[flag.place] = spelling.said(flag, value)
    words = [word for place in sorted(places) for word in places[place]]
    return [*argv, "--", *words] if words else argv


def problems(config: Config, script: ScriptFlags) -> Iterator[Problem]:
    """Yield the fields that a script would refuse, or that would be told it twice."""
    first: dict[str, str] = {}
    for name, value in config.items():
        if name.startswith("_"):
            continue
        flag = script.find(name)
        problem = _problem(name, value, flag, script)
        if problem:
            yield name, problem
        elif flag is not None and value is not None and first.setdefault(flag.target, name) != name:
            yield name, f"is one with `{first[flag.target]}`: both are {flag.shown} of {script.script}"
        elif flag is not None and flag.place and is_passed(name, value):
            yield from _skipped(name, flag.place, config, script)


def _problem(name: str, value: Any, flag: Flag | None, script: ScriptFlags) -> str:
    """Say what is wrong with one field, as often as it is asked, and look once."""
    if isinstance(value, list):
        return script.unknown(name) if flag is None else _value_problem(flag, value)
    key = name, type(value), value
    if (known := script.checked.get(key)) is None:
        known = script.unknown(name) if flag is None else _value_problem(flag, value)
        script.checked[key] = known
    return known


def _skipped(name: str, place: int, config: Config, script: ScriptFlags) -> Iterator[Problem]:
    """Yield what stands before a word without flag and is not given: the word would be taken for that."""
    given = {
        flag.target for other in config if is_passed(other, config[other]) and (flag := script.find(other))
    }
    for flag in script.by_name.values():
        if flag.place is not None and flag.place < place and flag.target not in given:
            yield name, f"stands behind `{flag.target}` in the command of {script.script}: give both"
            return


def _value_problem(flag: Flag, value: Any) -> str:
    if value is None or value == []:
        return ""
    try:
        spelling.said(flag, value)
    except spelling.CannotBeSaid as error:
        return str(error)
    return ""


def dropped(config: Config, script: ScriptFlags) -> Iterator[str]:
    """Yield the fields whose false a script is not told, though true may be what holds without it."""
    for name, value in config.items():
        if value is not False or name.startswith("_"):
            continue
        flag = script.find(name)
        gone = (
            undeclared.is_dropped(value, script.style) if flag is None else spelling.is_dropped(flag, value)
        )
        if gone:
            yield name


def let_through(config: Config, script: ScriptFlags) -> Iterator[str]:
    """Yield the fields that a script was not seen to declare."""
    return (name for name, value in config.items() if is_passed(name, value) and script.find(name) is None)
