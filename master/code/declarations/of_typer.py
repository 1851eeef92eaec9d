"""Options that `typer` makes of a function's parameters."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from master.code.declarations.found import Found, Named
from master.code.declarations.of_click import commands, options
from master.code.declarations.text import called, calls, constant, keywords, last_name, names_option, words_in
from master.core.flags.booleans import DIGITS, TRUE_FALSE, boolean_words
from master.core.flags.declared import Flag, Takes

_LISTS = frozenset({"list", "List", "Sequence", "set", "Set"})
_TUPLES = frozenset({"tuple", "Tuple"})
_NONE = ast.Constant(None)


def typer_flags(trees: Sequence[ast.Module]) -> Found:
    """Return what the parameters of a program's command declare."""
    run = [last_name(call.args[0]) for call in calls(trees) if called(call) == "run" and call.args]
    wanted = {*run, *commands(trees)}
    functions = [
        node
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name in wanted
    ]
    flags = [named for function in functions for named in _parameters(function)]
    return Found(tuple(flags), tuple(_doubts(trees, len(functions))))


def _doubts(trees: Sequence[ast.Module], functions: int) -> Iterator[str]:
    names = {called(call) for call in calls(trees)}
    if functions > 1 or names & {"callback", "add_typer"}:
        yield "it has subcommands"
    if not functions:
        yield "its command was not found"
    if names_option(trees, "ignore_unknown_options"):
        yield "it ignores unknown options"


@dataclass(frozen=True)
class _Parameter:
    """A parameter of a command."""

    name: str
    kind: ast.expr | None
    """Its annotation, without what typer adds to it."""
    default: ast.expr | None
    declares: str = ""
    """`Option` or `Argument`, where that is said."""
    names: tuple[str, ...] = ()
    given: Mapping[str, ast.expr] = field(default_factory=dict)


def _parameters(function: ast.FunctionDef) -> Iterator[Named]:
    places = [*function.args.posonlyargs, *function.args.args]
    defaults = [None] * (len(places) - len(function.args.defaults)) + list(function.args.defaults)
    every = [
        *zip(places, defaults, strict=True),
        *zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True),
    ]
    for number, (argument, default) in enumerate(every):
        if last_name(argument.annotation) != "Context":
            yield from _declared(_parameter(argument, default), number)


def _parameter(argument: ast.arg, default: ast.expr | None) -> _Parameter:
    kind, notes = _split(argument.annotation)
    for note in notes:
        if called(note) in ("Option", "Argument") and isinstance(note, ast.Call):
            return _Parameter(argument.arg, kind, default, called(note), _texts(note.args), keywords(note))
    if isinstance(default, ast.Call) and called(default) in ("Option", "Argument"):
        first = default.args[0] if default.args else keywords(default).get("default")
        usual = None if isinstance(first, ast.Constant) and first.value is ... else first
        return _Parameter(
            argument.arg, kind, usual, called(default), _texts(default.args[1:]), keywords(default)
        )
    return _Parameter(argument.arg, kind, default)


def _texts(nodes: Sequence[ast.expr]) -> tuple[str, ...]:
    return tuple(text for text in map(constant, nodes) if isinstance(text, str))


def _split(annotation: ast.expr | None) -> tuple[ast.expr | None, list[ast.expr]]:
    """Return an annotation without `Annotated`, `Optional` and `None`, and what `Annotated` adds."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return _split(ast.parse(annotation.value, mode="eval").body)
    if isinstance(annotation, ast.BinOp):
        sides = [side for side in (annotation.left, annotation.right) if constant(side, _NONE) is not None]
        return _split(sides[0])
    if isinstance(annotation, ast.Subscript):
        inner = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
        name = last_name(annotation.value)
        if name == "Annotated":
            return _split(inner[0])[0], inner[1:]
        if name in ("Optional", "Union"):
            return _split(next(side for side in inner if constant(side, _NONE) is not None))
    return annotation, []


def _declared(parameter: _Parameter, number: int) -> Iterator[Named]:
    is_argument = parameter.declares == "Argument" or not (parameter.declares or parameter.default)
    flag = _flag(parameter)
    if is_argument:
        takes = Takes.MANY if flag.takes is Takes.EACH else flag.takes
        yield parameter.name, replace(flag, spelling="", takes=takes, place=number)
        return
    names = [name for name in parameter.names if name.startswith("-") or "/" in name] or [
        _usual_name(parameter)
    ]
    for name, option in options(names, _click_words(parameter)):
        is_value = option.takes is Takes.ONE
        plain = replace(flag, spelling=option.spelling, joins=option.joins) if is_value else option
        yield name, replace(plain, target=parameter.name)


def _usual_name(parameter: _Parameter) -> str:
    name = parameter.name.lower().replace("_", "-")
    return f"--{name}/--no-{name}" if _is_boolean(parameter) else f"--{name}"


def _is_boolean(parameter: _Parameter) -> bool:
    return last_name(parameter.kind) == "bool"


def _click_words(parameter: _Parameter) -> dict[str, ast.expr]:
    """Return what `typer` tells `click` of an option."""
    words = {name: node for name, node in parameter.given.items() if name == "count"}
    if _is_boolean(parameter) and not parameter.given.get("count"):
        words["is_flag"] = ast.Constant(True)
    if parameter.default is not None:
        words["default"] = parameter.default
    return words


def _flag(parameter: _Parameter) -> Flag:
    kind, takes, count = parameter.kind, Takes.ONE, None
    if isinstance(kind, ast.Subscript):
        outer, inner = last_name(kind.value), kind.slice
        if outer in _LISTS:
            kind, takes = inner, Takes.EACH
        elif outer in _TUPLES and isinstance(inner, ast.Tuple):
            takes, count = Takes.MANY, len(inner.elts)
    name, default = last_name(kind), constant(parameter.default)
    usual = {default} if isinstance(default, str) else set[str]()
    vocabulary = (
        words_in([kind]) if isinstance(kind, ast.Subscript) and last_name(kind.value) == "Literal" else usual
    )
    boolean = (
        DIGITS if name in ("int", "float") else TRUE_FALSE if name == "bool" else boolean_words(vocabulary)
    )
    return Flag(parameter.name, "", takes, count, boolean, is_whole=name == "int", verbatim=True)
