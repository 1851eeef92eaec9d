"""Which flags a training script takes, read from its text: the head node need not be able to import it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

_METHOD = "add_argument"
_LONG = "--"


def flags_of(source: str) -> frozenset[str]:
    """Return the long flags that a script's `add_argument` calls declare, without their dashes.

    Names stay as they are declared (`batch-size` and `batch_size` differ).  Calls through a name bound to the
    method (`add = parser.add_argument`) count.  Raises SyntaxError where the text is not Python.
    """
    try:
        tree = ast.parse(source)
    except ValueError as error:  # NUL bytes, before Python 3.12
        raise SyntaxError(str(error)) from error
    names = {_METHOD, *_aliases(tree)}
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and _called(node) in names)
    return frozenset(flag for call in calls for flag in _declared(call))


def _aliases(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and _name(node.value) == _METHOD:
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def _called(call: ast.Call) -> str | None:
    is_method = isinstance(call.func, ast.Attribute) and call.func.attr == _METHOD
    return _name(call.func) if is_method or isinstance(call.func, ast.Name) else None


def _name(node: ast.expr) -> str | None:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else None


def _declared(call: ast.Call) -> Iterator[str]:
    negatable = any(
        item.arg == "action" and _name(item.value) == "BooleanOptionalAction" for item in call.keywords
    )
    for argument in call.args:
        text = argument.value if isinstance(argument, ast.Constant) else None
        if isinstance(text, str) and text.startswith(_LONG) and text != _LONG:
            name = text.removeprefix(_LONG)
            yield name
            if negatable:
                yield f"no-{name}"
