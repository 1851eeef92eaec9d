"""Reads the user's JSON and YAML files so strictly that every reader would understand the same.

`read_document` gives the value of a file; `Node` walks it and knows the place of everything for messages.
Refused: malformed text, duplicate keys, NaN and infinities, integers beyond 64 bits, lone surrogates, other
encodings than UTF-8, and nesting deeper than `MAX_DEPTH`.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from master.core.nearest import literal, shown, unknown
from master.errors import ConfigError
from master.intake.plain_values import MAX_DEPTH, Duplicated, Trail

_BEYOND = 2**63
_CONTAINERS = frozenset({list, dict, Duplicated})
_LONGEST_INTEGER = 20
_BLANK = re.compile(r"[ \t\n\r]*")
_KINDS = {
    type(None): "null",
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "a list",
    dict: "an object",
}


@dataclass(frozen=True)
class Document:
    """A file that was read, and where it came from."""

    value: Any
    source: str
    """The file as messages name it."""
    text: str
    is_yaml: bool
    has_lines: bool = True
    """False for what was no text, but flags."""
    over: Document | None = None
    """What flags say of all that is in it."""

    @property
    def root(self) -> Node:
        """The whole value."""
        return Node(self, (), self.value)

    def line_of(self, trail: Trail) -> int:
        """Return the line, from 1, of the value at `trail`, or of the nearest thing around it."""
        return (_yaml().line_of if self.is_yaml else _json_line_of)(self.text, trail)

    def error(self, trail: Trail, problem: str, place: str | None = None) -> ConfigError:
        """Return the error for the value at `trail`, which messages call `place`."""
        where = spelled(trail) if place is None else place
        if not self.has_lines:
            return ConfigError(self.source, where, problem)
        line = f"line {self.line_of(trail)}"
        return ConfigError(self.source, f"{where} ({line})" if where else line, problem)


@dataclass(frozen=True)
class Node:
    """A value in a document."""

    document: Document
    trail: Trail
    value: Any

    def fail(self, problem: str) -> NoReturn:
        """Raise a ConfigError about this value."""
        raise self.document.error(self.trail, problem)

    def get(self, key: str) -> Node | None:
        """Return the member `key` of this object, or None where it is missing or null."""
        found = self.value.get(key)
        return None if found is None else Node(self.document, (*self.trail, key), found)

    def members(self) -> Iterator[tuple[str, Node]]:
        """Yield the keys and values of this object."""
        for key, value in self.as_object().items():
            yield key, Node(self.document, (*self.trail, key), value)

    def items(self) -> Iterator[Node]:
        """Yield the items of this list."""
        for index, value in enumerate(self.as_list()):
            yield Node(self.document, (*self.trail, index), value)

    def only_keys(self, known: tuple[str, ...]) -> None:
        """Raise a ConfigError for a key of this object that is not in `known`."""
        for key, member in self.members():
            if key not in known:
                member.fail(unknown(key, known))

    def as_object(self) -> dict[str, Any]:
        """Return the value, which must be an object."""
        return self.value if isinstance(self.value, dict) else self._must_be("an object")

    def as_list(self) -> list[Any]:
        """Return the value, which must be a list."""
        return self.value if isinstance(self.value, list) else self._must_be("a list")

    def string(self) -> str:
        """Return the value, which must be a string that is not empty and has no control characters."""
        if not isinstance(self.value, str):
            self._must_be("a string")
        if not self.value.strip() or not self.value.isprintable():
            self.fail("must not be empty or hold control characters")
        return str(self.value)

    def boolean(self) -> bool:
        """Return the value, which must be true or false."""
        return self.value if isinstance(self.value, bool) else self._must_be("true or false")

    def integer(self, low: int, high: int) -> int:
        """Return the value, which must be a whole number from `low` to `high`."""
        if type(self.value) is not int or not low <= self.value <= high:
            self.fail(f"is {literal(self.value)}, allowed are whole numbers from {low} to {high}")
        return self.value

    def _must_be(self, kind: str) -> NoReturn:
        self.fail(f"must be {kind}, but is {_KINDS[type(self.value)]}")


def refuse_twice(node: Node, names: Iterable[str], kind: str) -> None:
    """Raise a ConfigError about a list that names a thing of this kind more than once."""
    for name, count in Counter(names).items():
        if count > 1:
            node.fail(f"{kind} {shown(name)} is listed twice")


def spelled(trail: Trail) -> str:
    """Return a path as messages show it, e.g. `servers[2].port`."""
    parts = (f"[{step}]" if isinstance(step, int) else f".{shown(step)[1:-1]}" for step in trail)
    return "".join(parts).removeprefix(".")


def read_document(path: str | Path) -> Document:
    """Read a file: YAML where its name ends in `.yaml` or `.yml`, else JSON.  Raises ConfigError."""
    source = shown(path, 300)[1:-1]
    try:
        data = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        raise ConfigError(source, "", _reason(error)) from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problem = f"byte 0x{data[error.start]:02x} is not UTF-8: save the file as UTF-8"
        raise ConfigError(source, f"line {line}", problem) from error
    return parse_document(text, source)


def parse_document(text: str, source: str) -> Document:
    """Read the text of a file called `source`, whose ending chooses JSON or YAML.  Raises ConfigError."""
    if not text.strip():
        raise ConfigError(source, "", "the file is empty")
    if not _encodes(text):
        raise ConfigError(source, "", "the text holds a lone surrogate, which is no character")
    is_yaml = source.lower().endswith((".yaml", ".yml"))
    value = _yaml().parse(text, source) if is_yaml else _parse_json(text, source)
    return _sound(Document(value, source, text, is_yaml))


def flags_document(value: Any, source: str) -> Document:
    """Return the document of what flags say, as strictly checked as a file.  Raises ConfigError."""
    return _sound(Document(value, source, "", is_yaml=False, has_lines=False))


def _yaml() -> ModuleType:
    """Return the reader of YAML, which takes longer to load than most files take to read."""
    from master.intake import strict_yaml

    return strict_yaml


def _sound(document: Document) -> Document:
    for trail, problem in _problems(document.value):
        raise document.error(trail, problem)
    return document


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, IsADirectoryError):
        return "this is a directory, not a file"
    return f"cannot be read: {getattr(error, 'strerror', None) or error}"


def _parse_json(text: str, source: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_object, parse_int=_integer)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise ConfigError(source, place, f"this is not JSON: {_told(error)}") from error
    except RecursionError:
        raise ConfigError(source, "", f"nested deeper than {MAX_DEPTH} levels") from None


def _told(error: json.JSONDecodeError) -> str:
    """Return what is wrong; a comma with nothing behind it by its name, which the decoder does not know."""
    before, here = error.doc[: error.pos].rstrip(), error.doc[error.pos : error.pos + 1]
    if not before.endswith(",") and here == ",":  # later versions of Python point at the comma itself
        before, here = f"{before},", error.doc[error.pos + 1 :].lstrip()[:1]
    if before.endswith(",") and here in ("]", "}"):
        return f"there is a comma before `{here}` with nothing behind it: take it away"
    return error.msg


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) == len(pairs):
        return made
    return Duplicated(made, Counter(key for key, _ in pairs).most_common(1)[0][0])


def _integer(digits: str) -> int:
    return int(digits) if len(digits) <= _LONGEST_INTEGER else _BEYOND


def _problems(root: Any) -> Iterator[tuple[Trail, str]]:
    """Yield what is wrong in a parsed value."""
    stack: list[tuple[Trail, Any]] = [((), [root])]
    while stack:
        trail, container = stack.pop()
        if len(trail) > MAX_DEPTH:
            yield trail[1:], f"is nested deeper than {MAX_DEPTH} levels"
            continue
        if isinstance(container, Duplicated):
            yield (*trail[1:], container.key), f"the key {shown(container.key)} is given twice in one object"
        is_list = isinstance(container, list)
        for key, value in enumerate(container) if is_list else container.items():
            if type(value) in _CONTAINERS:
                stack.append(((*trail, key), value))
            elif problem := _scalar_problem(value) or (None if is_list else _scalar_problem(key)):
                yield (*trail, key)[1:], problem


def _scalar_problem(value: Any) -> str | None:
    if type(value) is str:
        return None if _encodes(value) else _SURROGATE
    if type(value) is float and not math.isfinite(value):
        return "is NaN, infinite or too large: allowed are finite numbers"
    if type(value) is int and not -_BEYOND <= value < _BEYOND:
        return "is out of range: allowed are whole numbers from -2**63 to 2**63-1"
    return None


_SURROGATE = "holds a lone surrogate (\\ud800 to \\udfff without its partner), which is no character"


def _encodes(text: str) -> bool:
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False


_LENIENT = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)


def _json_line_of(text: str, trail: Trail) -> int:
    at = _skip_blank(text, 0)
    for step in trail:
        places = dict(_json_members(text, at))
        if step not in places:
            break
        at = places[step]
    return text.count("\n", 0, at) + 1


def _json_members(text: str, at: int) -> Iterator[tuple[str | int, int]]:
    """Yield key or index and the offset of each value of the container at offset `at` of valid JSON."""
    opening, index = text[at], 0
    at = _skip_blank(text, at + 1)
    while opening in "{[" and text[at] not in "]}":
        key: str | int = index
        if opening == "{":
            key, at = _LENIENT.raw_decode(text, at)
            at = _skip_blank(text, _skip_blank(text, at) + 1)
        yield key, at
        _, at = _LENIENT.raw_decode(text, at)
        at = _skip_blank(text, at)
        at = _skip_blank(text, at + 1) if text[at] == "," else at
        index += 1


def _skip_blank(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at
