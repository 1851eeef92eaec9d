"""Options that are declared by `click`."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from master.code.declarations.found import Found, Named
from master.code.declarations.text import (
    called,
    calls,
    constant,
    defined_in,
    has_unseen_arguments,
    keywords,
    last_name,
    names_option,
    words_in,
)
from master.core.flags.booleans import DIGITS, TRUE_FALSE, BooleanWords, boolean_words
from master.core.flags.declared import Flag, Takes

_DECLARE = frozenset({"option", "argument"})
_KNOWN = _DECLARE | {"command", "pass_context", "pass_obj", "version_option", "help_option", "no_grad"}
_INTEGERS = frozenset({"int", "INT", "IntRange"})
_NUMBERS = _INTEGERS | {"float", "FLOAT", "FloatRange"}


def click_flags(trees: Sequence[ast.Module]) -> Found:
    """Return what `option` and `argument` declare in the files of a program."""
    found = [call for call in calls(trees) if called(call) in _DECLARE and call.args]
    flags = [named for number, call in enumerate(found) for named in _declared(call, number)]
    unnamed = ["it makes names of options as it runs"] * any(not _names(call) for call in found)
    return Found(tuple(flags), (*unnamed, *_doubts(trees)))


def _decorators(trees: Sequence[ast.Module]) -> frozenset[str]:
    """Return what decorates the commands."""
    wanted, found = set(commands(trees)), set[str]()
    for tree in trees:
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef) and function.name in wanted:
                found |= {called(node) or last_name(node) for node in function.decorator_list}
    return frozenset(found)


def commands(trees: Sequence[ast.Module]) -> list[str]:
    """Return the names of the functions that are decorated as commands."""
    return [
        function.name
        for tree in trees
        for function in ast.walk(tree)
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
        if any("command" in (called(node), last_name(node)) for node in function.decorator_list)
    ]


def _doubts(trees: Sequence[ast.Module]) -> Iterator[str]:
    names = {called(call) for call in calls(trees)}
    if len(commands(trees)) > 1 or names & {"group", "add_command", "MultiCommand", "Group"}:
        yield "it has subcommands"
    theirs = sorted(_decorators(trees) - _KNOWN - defined_in(trees))
    yield from (f"{name} may declare more" for name in theirs)
    if names_option(trees, "ignore_unknown_options"):
        yield "it ignores unknown options"
    if any(called(call) == "command" and "cls" in keywords(call) for call in calls(trees)):
        yield "its command is of a class of its own"


def _names(call: ast.Call) -> tuple[str, ...]:
    names = [constant(argument) for argument in call.args]
    return tuple(names) if all(isinstance(name, str) for name in names) else ()


def _declared(call: ast.Call, number: int) -> Iterator[Named]:
    names = _names(call)
    if called(call) == "argument":
        yield from ((name, _argument(call, name, number)) for name in names[:1])
    else:
        yield from options(names, keywords(call), is_seen=not has_unseen_arguments(call))


def _argument(call: ast.Call, name: str, number: int) -> Flag:
    count = constant(keywords(call).get("nargs"), without=1)
    takes = Takes.ONE if count == 1 else Takes.MANY
    return Flag(name, "", takes, count if count != -1 and takes is Takes.MANY else None, place=number)


def options(names: Sequence[str], given: Mapping[str, ast.expr], *, is_seen: bool = True) -> Iterator[Named]:
    """Yield what an option means, by each of its names; a name may be a pair, `--this/--not-this`."""
    pairs = [(first.strip(), second.strip()) for first, _, second in (name.partition("/") for name in names)]
    pairs = [(first, second) for first, second in pairs if first.startswith("-") or second.startswith("-")]
    target = _target(names)
    off = next((second for _, second in pairs if second), "")
    on = next((first for first, _ in pairs if first), "")
    long = next((first for first, _ in pairs if first.startswith("--")), on)
    for first, second in pairs:
        if first:
            plain = replace(_option(target, first, given), takes=Takes.UNKNOWN) if not is_seen else None
            yield first.lstrip("-"), plain or _switch_or_option(target, first, off, given, long)
        if second:
            words = (on,) if on else ()
            yield second.lstrip("-"), Flag(target, second, Takes.NOTHING, on=(second,), off=words)


def _target(names: Sequence[str]) -> str:
    own = [name for name in names if not name.startswith(("-", "/")) and name.isidentifier()]
    first = [name.partition("/")[0].strip() for name in names]
    ordered = sorted(first, key=lambda name: len(name.lstrip("-")) - len(name))
    return (own or ordered or [""])[0].lstrip("-").replace("-", "_").lower()


def _switch_or_option(target: str, spelling: str, off: str, given: Mapping[str, ast.expr], long: str) -> Flag:
    spelling = spelling if spelling.startswith("--") else long
    if off:
        return Flag(target, spelling, Takes.NOTHING, on=(spelling,), off=(off,))
    if constant(given.get("is_flag")) is True or "flag_value" in given:
        is_on = bool(constant(given.get("default"), without=False))
        return Flag(target, spelling, Takes.NOTHING, on=(spelling,), off=None if is_on else ())
    return _option(target, spelling, given)


def _option(target: str, spelling: str, given: Mapping[str, ast.expr]) -> Flag:
    if constant(given.get("count")) is True:
        return Flag(target, spelling, Takes.COUNT)
    count = _count(given)
    several = constant(given.get("multiple"), without=False)
    takes = Takes.EACH if several else Takes.MANY if count else Takes.ONE
    boolean, is_whole = _kind(given)
    joins = spelling.startswith("--")
    return Flag(target, spelling, takes, count, boolean, is_whole=is_whole, joins=joins, verbatim=True)


def _count(given: Mapping[str, ast.expr]) -> int | None:
    kind, count = given.get("type"), constant(given.get("nargs"), without=1)
    if isinstance(kind, ast.Tuple):
        return len(kind.elts)
    return count if isinstance(count, int) and count > 1 else None


def _kind(given: Mapping[str, ast.expr]) -> tuple[BooleanWords, bool]:
    """Return what an option calls true and false, and whether its values are whole numbers."""
    kind, default = given.get("type"), constant(given.get("default"))
    name = last_name(kind) or (called(kind) if kind else "")
    if not name and isinstance(default, (int, float)) and not isinstance(default, bool):
        name = type(default).__name__
    if name in _NUMBERS:
        return DIGITS, name in _INTEGERS
    usual = {default} if isinstance(default, str) else set[str]()
    offered = words_in([kind]) if called(kind or ast.Pass()) == "Choice" and kind else frozenset[str]()
    return (boolean_words(offered or usual) if name != "bool" else TRUE_FALSE), False
