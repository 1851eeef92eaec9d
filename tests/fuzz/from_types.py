"""JSON of dataclasses, by their annotations as the codec reads them: a new field is tried at once."""

from __future__ import annotations

import json
import sys
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from typing import Any

from hypothesis import strategies as st

from worker_agent.protocol import codec

Json = st.SearchStrategy[Any]
HOSTILE: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 2**31, 2**63, -(2**64), 10**400, 1.5, -0.0, 1e300),
    *(float("nan"), float("inf"), float("-inf")),
    *("", ".", "..", "../../x", "/etc/passwd", "a/../b", "a//b", "x" * 300, "x" * 100_000),
    *("\0", "\x1b[2J\x07", "a\nlab2: down", "\ud800x", "\udcff", "\u202egpj", "-rf", "$(id)", "{python}"),
    *([], [[]], [None], [1, 2, 3], ["a", 1, "b", 2], {}, {"": {}}, {"type": "ack", "seq": 1}),
)
"""Of a wrong type, out of range, or a name that leads elsewhere; most are fine somewhere."""
_texts = st.text("abz09_.-é ", max_size=12)
_paths = st.lists(st.text("abé_", min_size=1, max_size=5), min_size=1, max_size=3).map("/".join)


def bodies(cls: type[Any]) -> Json:
    """Return objects that stand for instances of a dataclass."""
    variants = getattr(cls, "VARIANTS", None)
    if variants is None:
        return _objects(cls, {})
    kinds = [
        _objects(cls, {variants.by: st.just(kind.value), variants.field: bodies(inner)})
        for kind, inner in variants.classes.items()
    ]
    return st.one_of(kinds)


def _objects(cls: type[Any], given: dict[str, Json]) -> Json:
    names = vars(sys.modules[cls.__module__])
    made = {
        item.name: given[item.name] if item.name in given else _values(str(item.type), names)
        for item in fields(cls)
    }
    needed = {
        item.name for item in fields(cls) if item.default is MISSING and item.default_factory is MISSING
    }
    required = {name: made[name] for name in needed}
    return st.fixed_dictionaries(required, optional={name: made[name] for name in made.keys() - needed})


def _values(annotation: str, names: dict[str, Any]) -> Json:
    head, _, inner = annotation.partition("[")
    inner = inner.removesuffix("]")
    if head == "Optional":
        return st.none() | _values(inner, names)
    if head == "List":
        return st.lists(_values(inner, names), max_size=3)
    if head == "Dict":
        return st.dictionaries(_texts, _values(inner.partition(", ")[2], names), max_size=2)
    if head == "Any":
        return st.none() | st.integers(-9, 9) | _texts
    if head == "RelativePath":
        return _paths
    if head in codec._NUMBERS:
        return _numbers(*codec._NUMBERS[head])
    return _of_class({"str": str, "bool": bool, **names}[head])


def _numbers(types: frozenset[type], least: float, most: float) -> Json:
    whole = st.integers(int(max(least, -(2**63))), int(min(most, 2**63 - 1)))
    return whole if float not in types else whole | st.floats(least, most)


def _of_class(cls: type[Any]) -> Json:
    if cls in (str, bool):
        return _texts if cls is str else st.booleans()
    if issubclass(cls, Enum):
        return st.sampled_from([item.value for item in cls])
    if hasattr(cls, "from_row"):
        return st.tuples(*(_cells(str(name)) for name in cls.__annotations__.values())).map(list)
    if is_dataclass(cls):
        return bodies(cls)
    raise TypeError(f"no strategy for {cls}")


def _cells(annotation: str) -> Json:
    kind = annotation.removeprefix("ForwardRef('").removesuffix("')")
    return {"str": _paths, "int": st.integers(0, 2**63 - 1), "bool": st.booleans()}[kind]


@st.composite
def altered(draw: st.DrawFn, body: Json) -> Any:
    """Return an object one part of which, however deep, is something else, missing, or there besides."""
    top = draw(body)
    places = list(_places(top))
    container, key = draw(st.sampled_from(places)) if places else (top, "more")
    match draw(st.sampled_from(("other", "other", "other", "gone", "besides"))):
        case "gone" if isinstance(container, dict):
            del container[key]
        case "besides" if isinstance(container, dict):
            container["more"] = draw(st.sampled_from(HOSTILE))
        case _:
            container[key] = draw(st.sampled_from(HOSTILE))
    return top


def _places(value: Any) -> Any:
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        yield value, key
        if isinstance(item, dict | list):
            yield from _places(item)


def as_bytes(body: Any) -> bytes:
    """Return JSON, with NaN and lone surrogates where there are such."""
    return json.dumps(body).encode()
