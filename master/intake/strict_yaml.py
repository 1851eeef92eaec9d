"""YAML read as if it were JSON: plain values only, each key once, no surprises of YAML 1.1.

Unquoted words mean what YAML 1.2 says (`3e-4` is a number; `yes`, `no`, `on`, `off` are strings).
What people read in two ways is refused: dates, numbers with a leading zero, tags, merge keys.
Aliases are allowed, but what they spell out in full may not exceed `MAX_VALUES`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NoReturn

import yaml

from master.core.nearest import shown
from master.errors import ConfigError
from master.intake.plain_values import MAX_DEPTH, Trail

MAX_VALUES = 10_000_000

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STRING_TAG = "tag:yaml.org,2002:str"


class _RefusedError(Exception):
    """What is wrong with the text at a mark."""

    def __init__(self, problem: str, mark: Any) -> None:
        super().__init__(problem)
        self.mark = mark


def parse(text: str, source: str) -> Any:
    """Return the value of a YAML text with one document.  Raises ConfigError."""
    try:
        return _Builder(text).document()
    except _RefusedError as error:
        raise ConfigError(source, _place(error.mark), str(error)) from None
    except yaml.MarkedYAMLError as error:
        problem = f"this is not YAML: {error.problem or error.context}"
        raise ConfigError(source, _place(error.problem_mark), problem) from error
    except yaml.YAMLError as error:
        raise ConfigError(source, "", f"this is not YAML: {str(error).splitlines()[0]}") from error


def line_of(text: str, trail: Trail) -> int:
    """Return the line, from 1, of the value at `trail` of a valid text, or of the nearest one around it."""
    builder = _Builder(text, trail)
    builder.document()
    return builder.line


def _place(mark: Any) -> str:
    return f"line {mark.line + 1} column {mark.column + 1}" if mark else ""


class _Builder:
    """Builds values from YAML's events, and watches for the line of one of them."""

    def __init__(self, text: str, watched: Trail | None = None) -> None:
        self._events = yaml.parse(text, Loader=_LOADER)
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._values = 0
        self._watched = watched
        self._found = -1
        self.line = 1

    def document(self) -> Any:
        """Return the only document's value."""
        next(self._events)
        if isinstance(next(self._events), yaml.StreamEndEvent):
            raise _RefusedError("the file holds no value", None)
        value = self._value(next(self._events), ())
        next(self._events)
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise _RefusedError("a second document begins here, allowed is one", after.start_mark)
        return value

    def _value(self, event: Any, trail: Trail) -> Any:
        self._watch(event, trail)
        self._count(1, event)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        before = self._values
        value = _scalar(event) if isinstance(event, yaml.ScalarEvent) else self._container(event, trail)
        if event.anchor:
            self._anchors[event.anchor] = value, self._values - before
        return value

    def _container(self, event: Any, trail: Trail) -> Any:
        if len(trail) > MAX_DEPTH:
            raise _RefusedError(f"nested deeper than {MAX_DEPTH} levels", event.start_mark)
        if event.tag is not None:
            _refuse_tag(event)
        return self._list(trail) if isinstance(event, yaml.SequenceStartEvent) else self._object(trail)

    def _watch(self, event: Any, trail: Trail) -> None:
        wanted = self._watched
        if wanted is not None and len(trail) > self._found and wanted[: len(trail)] == trail:
            self._found, self.line = len(trail), event.start_mark.line + 1

    def _count(self, values: int, event: Any) -> None:
        self._values += values
        if self._values > MAX_VALUES:
            raise _RefusedError(f"the aliases spell out more than {MAX_VALUES:,} values", event.start_mark)

    def _alias(self, event: yaml.AliasEvent) -> Any:
        if event.anchor not in self._anchors:
            raise _RefusedError(f"the alias {shown(event.anchor)} has no anchor before it", event.start_mark)
        value, size = self._anchors[event.anchor]
        self._count(size, event)
        return value

    def _list(self, trail: Trail) -> list[Any]:
        made: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            made.append(self._value(event, (*trail, len(made))))
        return made

    def _object(self, trail: Trail) -> dict[str, Any]:
        made: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = _key(event)
            if key in made:
                raise _RefusedError(f"the key {shown(key)} is given twice in one object", event.start_mark)
            made[key] = self._value(next(self._events), (*trail, key))
        return made


def _key(event: Any) -> str:
    key = _scalar(event) if isinstance(event, yaml.ScalarEvent) else None
    if not isinstance(key, str):
        raise _RefusedError("a key must be a string: put it in quotes", event.start_mark)
    if key == "<<" and event.implicit[0]:
        raise _RefusedError("merge keys (`<<`) are not allowed: write the fields out", event.start_mark)
    return key


def _scalar(event: yaml.ScalarEvent) -> Any:
    if event.tag not in (None, _STRING_TAG):
        _refuse_tag(event)
    if not event.implicit[0]:
        return event.value
    for pattern, kind, ambiguous in _AMBIGUOUS:
        if pattern.fullmatch(event.value):
            problem = f"{shown(event.value)} is {kind} to some readers of YAML: {ambiguous}"
            raise _RefusedError(problem, event.start_mark)
    for pattern, convert in _CORE_SCHEMA:
        if pattern.fullmatch(event.value):
            return convert(event.value)
    return event.value


def _refuse_tag(event: Any) -> NoReturn:
    raise _RefusedError(f"the tag {shown(event.tag)} is not allowed: write a plain value", event.start_mark)


def _decimal(text: str) -> int | float:
    # int() refuses thousands of digits with a ValueError; infinity is refused later, with its place.
    return int(text) if len(text) <= 20 else float("inf")


_AMBIGUOUS: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (re.compile(r"\d{4}-\d\d?-\d\d?([Tt \t].*)?"), "a date", "put it in quotes"),
    (re.compile(r"[-+]?0\d+"), "an octal number", "put it in quotes, or leave out the leading zero"),
)
_CORE_SCHEMA: tuple[tuple[re.Pattern[str], Callable[[str], Any]], ...] = (
    (re.compile(r"~|null|Null|NULL|"), lambda _: None),
    (re.compile(r"true|True|TRUE"), lambda _: True),
    (re.compile(r"false|False|FALSE"), lambda _: False),
    (re.compile(r"[-+]?[0-9]+"), _decimal),
    (re.compile(r"0o[0-7]{1,30}"), lambda text: int(text, 8)),
    (re.compile(r"0x[0-9a-fA-F]{1,30}"), lambda text: int(text, 16)),
    (re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"), float),
    (re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"), lambda _: float("nan")),
)
