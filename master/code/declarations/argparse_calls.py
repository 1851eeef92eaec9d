"""Where the files of a program call upon `argparse`."""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from master.code.declarations.text import called, calls, constant, defined_in, keywords, last_name

_METHOD = "add_argument"
_PARSER = "ArgumentParser"
_MAKERS = frozenset({_PARSER, "add_argument_group", "add_mutually_exclusive_group"})
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_LETS_THROUGH = frozenset({"parse_known_args", "parse_known_intermixed_args"})
_HARMLESS = frozenset({"print", "isinstance", "vars", "str", "repr", "id", "partial", "append"})


@dataclass(frozen=True)
class Declaration:
    """An argument that a call of `add_argument` declares."""

    names: tuple[str, ...]
    """With their dashes; empty where they cannot be seen."""
    call: ast.Call
    number: int
    """Which of all it is."""

    @property
    def given(self) -> Mapping[str, ast.expr]:
        """What the call says by name."""
        return keywords(self.call)

    @property
    def action(self) -> str:
        """The name of its action."""
        value = constant(self.given.get("action"), without="store")
        return value if isinstance(value, str) else last_name(self.given.get("action"))

    @property
    def long_names(self) -> tuple[str, ...]:
        """Those that begin with two dashes."""
        return tuple(name for name in self.names if name.startswith("--"))

    @property
    def target(self) -> str:
        """What the program calls the value."""
        given = constant(self.given.get("dest"))
        name = (self.long_names or self.names or ("",))[0]
        return given if isinstance(given, str) else name.lstrip("-").replace("-", "_")


def declarations(trees: Iterable[ast.Module]) -> Iterator[Declaration]:
    """Yield all arguments that a program declares."""
    found = ((names, call) for tree in trees for call in _added(tree) for names in _names(call, tree))
    return (Declaration(names, call, number) for number, (names, call) in enumerate(found))


def _added(tree: ast.Module) -> Iterator[ast.Call]:
    return _added_in(tree, frozenset({_METHOD, *_aliases(ast.walk(tree))}))


def _added_in(scope: ast.AST, known: frozenset[str]) -> Iterator[ast.Call]:
    """Yield the calls of `add_argument`, also by another name, unless a function there has that name."""
    inside = list(_inside(scope))
    own = {node.name for node in inside if isinstance(node, _FUNCTIONS)}
    known = known - own | set(_aliases(inside))
    for node in inside:
        if isinstance(node, _FUNCTIONS):
            yield from _added_in(node, known)
        elif isinstance(node, ast.Call) and _adds(node.func, known):
            yield node


def _adds(function: ast.expr, known: frozenset[str]) -> bool:
    if isinstance(function, ast.Name):
        return function.id in known
    return isinstance(function, ast.Attribute) and function.attr == _METHOD


def _inside(scope: ast.AST) -> Iterator[ast.AST]:
    """Yield what stands in a module or function, but not in the functions in it."""
    todo = deque(ast.iter_child_nodes(scope))
    while todo:
        node = todo.popleft()
        yield node
        if not isinstance(node, _FUNCTIONS):
            todo.extend(ast.iter_child_nodes(node))


def _aliases(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Assign) and last_name(node.value) == _METHOD:
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def _names(call: ast.Call, tree: ast.Module) -> Iterator[tuple[str, ...]]:
    """Yield the names of each argument that a call declares: several in a loop over texts."""
    if len(call.args) == 1 and isinstance(call.args[0], ast.Name):
        yield from ((value,) for value in _loop_over(call.args[0].id, call, tree) or ())
        if _loop_over(call.args[0].id, call, tree):
            return
    names = [constant(argument) for argument in call.args]
    yield tuple(names) if names and all(isinstance(name, str) for name in names) else ()


def _loop_over(variable: str, call: ast.Call, tree: ast.Module) -> Sequence[str] | None:
    for node in ast.walk(tree):
        if isinstance(node, ast.For) and last_name(node.target) == variable:
            values = constant(node.iter)
            texts = isinstance(values, (list, tuple)) and all(isinstance(value, str) for value in values)
            if texts and any(part is call for part in ast.walk(node)):
                return tuple(values)
    return None


def on_by_default(trees: Iterable[ast.Module]) -> frozenset[str]:
    """Return the values that `set_defaults` makes true."""
    found = (call for call in calls(trees) if called(call) == "set_defaults")
    return frozenset(
        name for call in found for name, node in keywords(call).items() if constant(node) is True
    )


def doubts(trees: Sequence[ast.Module]) -> Iterator[str]:
    """Yield why a program may take more than it was seen to declare."""
    ours = defined_in(trees)
    for name in sorted(set().union(*map(_parsers, trees))):
        yield from _unseen_origin(name, trees, ours)
    if any(map(_hands_on, trees)):
        yield f"it hands {_METHOD} on"
    for tree in trees:
        parsers = _parsers(tree)
        for call in calls([tree]):
            name = called(call)
            if name in _LETS_THROUGH:
                yield f"it calls {name}"
            elif name == "parse_args" and (maker := _made_by(call)) not in _MAKERS | ours | {""}:
                yield f"{maker} may declare more"
            elif name == "add_subparsers":
                yield "it has subcommands"
            elif name == _PARSER:
                yield from _unseen_parents(call, parsers, ours)
            elif name not in ours | _HARMLESS and _has_parser(call, parsers):
                yield f"{name or 'a function'} may declare more"


def _hands_on(tree: ast.Module) -> bool:
    """Tell whether the method is given away, so that it may be called by a name that is not seen."""
    called_so = {call.func for call in calls([tree])}
    named = {node.value for node in ast.walk(tree) if isinstance(node, ast.Assign) and any(_aliases([node]))}
    methods = {node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == _METHOD}
    return bool(methods - called_so - named)


def _made_by(call: ast.Call) -> str:
    """Return what makes the parser whose method is called, where the call itself says it."""
    return called(call.func.value) if isinstance(call.func, ast.Attribute) else ""


def _unseen_origin(name: str, trees: Sequence[ast.Module], ours: frozenset[str]) -> Iterator[str]:
    """Yield where a variable that holds a parser comes from that was not seen."""
    nodes = [node for tree in trees for node in ast.walk(tree)]
    values = [
        node.value for node in nodes if isinstance(node, ast.Assign) and name in map(last_name, node.targets)
    ]
    makers = [called(value) for value in values if isinstance(value, ast.Call)]
    yield from (
        f"{maker} may declare more" for maker in makers if maker not in _MAKERS | ours | {"parse_args"}
    )
    is_parameter = any(isinstance(node, ast.arg) and node.arg == name for node in nodes)
    if not makers and not is_parameter:
        yield "its parser was not seen to be made"


def _parsers(tree: ast.Module) -> frozenset[str]:
    """Return the variables that hold parsers."""
    made = (node for node in ast.walk(tree) if isinstance(node, ast.Assign) and called(node.value) in _MAKERS)
    named = {last_name(target) for node in made for target in node.targets}
    used = {last_name(call.func.value) for call in _added(tree) if isinstance(call.func, ast.Attribute)}
    return frozenset((named | used | _parsing(tree)) - {"", "self"})


def _parsing(tree: ast.Module) -> set[str]:
    """Return the variables whose `parse_args` is called."""
    found = (call.func for call in calls([tree]) if called(call) == "parse_args")
    return {last_name(function.value) for function in found if isinstance(function, ast.Attribute)}


def _has_parser(call: ast.Call, parsers: frozenset[str]) -> bool:
    given = [*call.args, *(item.value for item in call.keywords)]
    return any(isinstance(node, (ast.Name, ast.Attribute)) and last_name(node) in parsers for node in given)


def _unseen_parents(call: ast.Call, parsers: frozenset[str], ours: frozenset[str]) -> Iterator[str]:
    parents = keywords(call).get("parents")
    listed = parents.elts if isinstance(parents, (ast.List, ast.Tuple)) else [parents] if parents else []
    if any(last_name(node) not in parsers and called(node) not in ours for node in listed):
        yield "it has a parent that was not seen"
