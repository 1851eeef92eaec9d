"""Flags that are declared by `argparse`."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from master.code.declarations.argparse_calls import Declaration, declarations, doubts, on_by_default
from master.code.declarations.found import Found, Named
from master.code.declarations.text import UNSEEN, constant, has_unseen_arguments, last_name
from master.code.declarations.values import Functions, value_of
from master.core.flags.declared import Flag, Takes

_MANY = ("*", "+", "...")
_STORES = ("store", "append", "extend")
_SWITCHES = ("store_true", "store_const", "append_const", "store_false")


def argparse_flags(trees: Sequence[ast.Module]) -> Found:
    """Return the flags that `add_argument` declares in the files of a program."""
    declared = list(declarations(trees))
    walked = (node for tree in trees for node in ast.walk(tree))
    functions = {node.name: node for node in walked if isinstance(node, ast.FunctionDef)}
    flags = [named for each in declared for named in _flags(each, functions)]
    unnamed = ["it makes names of flags as it runs"] * any(not each.names for each in declared)
    return Found(tuple(_switched(flags, declared, on_by_default(trees))), (*unnamed, *doubts(trees)))


def _flags(declared: Declaration, functions: Functions) -> Iterator[Named]:
    """Yield what a declaration means, by each of its names."""
    if declared.names and not declared.names[0].startswith("-"):
        yield declared.names[0], _positional(declared, functions)
        return
    for name in declared.names:
        long = declared.long_names or (name,)
        yield name.lstrip("-"), _flag(declared, name if name in long else long[0], functions)
    if declared.action == "BooleanOptionalAction":
        for name in declared.long_names:
            no = f"--no-{name[2:]}"
            yield no[2:], Flag(declared.target, no, Takes.NOTHING, on=(no,), off=(name,))


def _positional(declared: Declaration, functions: Functions) -> Flag:
    takes, count = _several(declared.given.get("nargs"))
    flag = Flag(declared.target, "", takes, count, place=declared.number)
    return _valued(flag, declared.given, functions)


def _flag(declared: Declaration, spelling: str, functions: Functions) -> Flag:
    flag, action, given = Flag(declared.target, spelling), declared.action, declared.given
    if has_unseen_arguments(declared.call):
        return replace(flag, takes=Takes.UNKNOWN)
    if action in _STORES:
        takes, count = _several(given.get("nargs"))
        takes = Takes.EACH if action == "append" and takes is Takes.ONE else takes
        return _valued(replace(flag, takes=takes, count=count), given, functions)
    if action == "BooleanOptionalAction":
        return replace(flag, takes=Takes.NOTHING, on=(spelling,), off=(f"--no-{spelling[2:]}",))
    if action in _SWITCHES:
        return replace(flag, takes=Takes.NOTHING, on=(spelling,), off=_unsaid(declared))
    return replace(flag, takes=Takes.COUNT if action == "count" else Takes.UNKNOWN)


def _unsaid(declared: Declaration) -> tuple[str, ...] | None:
    """Return what says false of a switch: nothing, unless it is on where nothing is said."""
    is_on = declared.action != "store_false" and constant(declared.given.get("default"), without=False)
    return None if is_on else ()


def _valued(flag: Flag, given: Mapping[str, ast.expr], functions: Functions) -> Flag:
    value = value_of(given, functions)
    return replace(flag, boolean=value.boolean, is_whole=value.is_whole)


def _several(node: ast.expr | None) -> tuple[Takes, int | None]:
    if last_name(node) in ("REMAINDER", "ZERO_OR_MORE", "ONE_OR_MORE"):
        return Takes.MANY, None
    count = constant(node)
    if count is UNSEEN:
        return Takes.UNKNOWN, None
    if isinstance(count, int):
        return Takes.MANY, count
    return (Takes.MANY if count in _MANY else Takes.ONE), None


def _switched(
    flags: Sequence[Named], declared: Iterable[Declaration], on_by_default: frozenset[str]
) -> Iterator[Named]:
    """Yield the flags, switches with the one that says the opposite where there is one."""
    opposite = {each.target: each.names for each in declared if each.action == "store_false" and each.names}
    for name, flag in flags:
        no = opposite.get(flag.target, ())
        if flag.takes is not Takes.NOTHING or flag.spelling in no:
            yield name, flag
        elif no:
            yield name, replace(flag, off=no[:1])
        else:
            yield name, replace(flag, off=None) if flag.target in on_by_default and not flag.off else flag
    names = {name for name, _ in flags}
    for target, no in opposite.items():
        if target not in names:
            yield target, Flag(target, no[0], Takes.NOTHING, on=(), off=no[:1])
