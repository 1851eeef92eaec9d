"""A seeded bug: a passage of a function reads otherwise for a while, wherever the function is used."""

from __future__ import annotations
import __future__

import inspect
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any


@dataclass(frozen=True)
class Mutation:
    """A bug that somebody might make."""

    name: str
    function: Callable[..., Any]
    before: str
    """A passage of the function's source; it is there once."""
    after: str
    breaks: str
    """The promise that notices."""
    first: int = 1
    """The first of the schedules in which it is looked for."""


@contextmanager
def seeded(mutation: Mutation) -> Iterator[None]:
    """Let a function have a bug.  Raises ValueError where its source no longer has the passage."""
    function = mutation.function
    assert isinstance(function, FunctionType)
    sound = function.__code__
    function.__code__ = _mutated(function, mutation)
    try:
        yield
    finally:
        function.__code__ = sound


def _mutated(function: FunctionType, mutation: Mutation) -> CodeType:
    source = textwrap.dedent(inspect.getsource(function))
    if source.count(mutation.before) != 1:
        raise ValueError(f"{mutation.name}: {function.__qualname__} has {mutation.before!r} not once")
    flags = __future__.annotations.compiler_flag
    code = compile(source.replace(mutation.before, mutation.after), "<mutation>", "exec", flags, True)
    scope: dict[str, Any] = dict(function.__globals__)
    exec(code, scope)  # it is our own source
    made = scope[function.__name__]
    assert isinstance(made, FunctionType)
    return made.__code__
