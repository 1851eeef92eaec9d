"""Frozen dataclasses as JSON and back.  What may stand where follows from the annotations:

    int, float, Count, …   a number: finite, in the range of its name, no bool; a float may be written whole
    str                    a text; a RelativePath leads nowhere else
    an enum                the value of a member
    a dataclass            an object of its fields; those that have a default may be missing
    a class with from_row  a list
    … with from_object     an object, of which it takes what it can hold
    Optional[…], List[…], Dict[str, …], Any; … | None, list[…] and dict[…] too

Annotations are read as they are written, by name, once for each class: messages are on the hot path.
"""

from __future__ import annotations

import json
import sys
from dataclasses import MISSING, dataclass, fields, is_dataclass
from enum import Enum
from json import encoder
from typing import Any, Callable, Dict, FrozenSet, List, Mapping, NamedTuple, Optional, Tuple, Type, TypeVar

from worker_agent.protocol.digests import safe_path

Count = int
"""How many, or which one."""
Bytes = int
ExitCode = int
"""Negative: ended by that signal."""
Amount = float
"""How much, in parts of a whole too."""
Seconds = float
"""A length of time."""
UnixTime = float
RelativePath = str
"""Below some directory, with `/`."""

_OR_NONE = " | None"
T = TypeVar("T")
Convert = Callable[[Any], Any]
_Types = FrozenSet[type]
_WHOLE: _Types = frozenset({int})
_ANY_NUMBER: _Types = frozenset({int, float})
_NUMBERS: Dict[str, Tuple[_Types, float, float]] = {
    "int": (_WHOLE, -(2**63), 2**63 - 1),
    "Count": (_WHOLE, 0, 2**63 - 1),
    "Bytes": (_WHOLE, 0, 2**63 - 1),
    "ExitCode": (_WHOLE, -(2**31), 2**31 - 1),
    "float": (_ANY_NUMBER, -sys.float_info.max, sys.float_info.max),
    "Amount": (_ANY_NUMBER, 0, 2**53),
    "Seconds": (_ANY_NUMBER, 0, 2**36),
    "UnixTime": (_ANY_NUMBER, 0, 2**37),
}
"""The least and the most of each kind.  A length of time after a time is still in the calendar."""


class MessageError(ValueError):
    """What came from another process, or from a file, is not what it should be."""


class Word(str, Enum):
    """A text out of a few."""

    def __str__(self) -> str:
        return str(self.value)


@dataclass(frozen=True)
class Variants:
    """The class variable `VARIANTS` of a class one of whose fields has a class that another field tells."""

    field: str
    by: str
    classes: Mapping[Any, Type[Any]]


# --- what annotations mean


class _Rule(NamedTuple):
    """What a field may be."""

    types: _Types
    """Exactly these."""
    limits: Optional[Tuple[float, float]] = None
    convert: Optional[Convert] = None
    """Makes of JSON what the field holds."""


def _rule(annotation: str, names: Mapping[str, Any]) -> _Rule:
    """Return the rule of an annotation in a module with these names."""
    if annotation.endswith(_OR_NONE):
        annotation = f"Optional[{annotation[: -len(_OR_NONE)]}]"
    head, _, inner = annotation.partition("[")
    if head == "Optional":
        rule = _rule(inner[:-1], names)
        return rule._replace(types=rule.types | {type(None)})
    if head in ("List", "list"):
        return _Rule(frozenset({list}), convert=_each(inner[:-1], names))
    if head in ("Dict", "dict"):
        return _Rule(frozenset({dict}), convert=_each_value(inner[:-1].partition(", ")[2], names))
    if head == "RelativePath":
        return _Rule(frozenset({str}), convert=safe_path)
    if head in _NUMBERS:
        types, least, most = _NUMBERS[head]
        return _Rule(types, (least, most))
    return _rule_of_class({"str": str, "bool": bool, **names}[head])


def _rule_of_class(cls: Type[Any]) -> _Rule:
    if hasattr(cls, "from_object"):
        return _Rule(frozenset({dict}), convert=cls.from_object)
    if is_dataclass(cls):
        return _Rule(frozenset({dict}), convert=plan_of(cls).make)
    if hasattr(cls, "from_row"):
        return _Rule(frozenset({list}), convert=cls.from_row)
    if issubclass(cls, Enum):
        return _Rule(frozenset({str}), convert=_member(cls))
    return _Rule(frozenset({cls}))


def _each(annotation: str, names: Mapping[str, Any]) -> Optional[Convert]:
    """Return what makes a list of such things; None where they may be anything."""
    if annotation == "Any":
        return None
    types, limits, convert = _rule(annotation, names)

    def make(values: List[Any]) -> List[Any]:
        fit = types.issuperset(map(type, values))
        if not fit or (limits and not all(limits[0] <= value <= limits[1] for value in values)):
            raise MessageError(f"cannot be {values!r:.100}")
        return [convert(value) for value in values] if convert else values

    return make


def _each_value(annotation: str, names: Mapping[str, Any]) -> Optional[Convert]:
    each = _each(annotation, names)
    return each and (lambda body: dict(zip(body, each(list(body.values())))) if body else body)


def _member(cls: Type[Enum]) -> Convert:
    members = {item.value: item for item in cls}

    def make(value: str) -> Enum:
        if value not in members:
            raise MessageError(f"cannot be {value!r:.100}, allowed are {', '.join(members)}")
        return members[value]

    return make


# --- from JSON


class Plan:
    """How instances of one class are made."""

    def __init__(self, cls: Type[Any]) -> None:
        names = vars(sys.modules[cls.__module__])
        self._cls, self._variants = cls, getattr(cls, "VARIANTS", None)
        rules = {item.name: self._rule_of(item, names) for item in fields(cls)}
        self._types = {name: rule.types for name, rule in rules.items()}
        self._limits = [(name, *rule.limits) for name, rule in rules.items() if rule.limits]
        self._converters = [(name, rule.convert) for name, rule in rules.items() if rule.convert]
        self._defaults = {item.name: item.default for item in fields(cls) if item.default is not MISSING}
        made = [(item.name, item.default_factory) for item in fields(cls)]
        self._factories = [(name, factory) for name, factory in made if factory is not MISSING]
        self._required = self._types.keys() - self._defaults.keys() - {name for name, _ in self._factories}

    def _rule_of(self, item: Any, names: Mapping[str, Any]) -> _Rule:
        if self._variants and item.name == self._variants.field:
            return _Rule(frozenset({dict}))
        return _rule(str(item.type), names)

    def make(self, body: Mapping[str, Any]) -> Any:
        """Return the instance that a JSON object stands for.  Raises MessageError for any other object."""
        types = self._types
        for name, value in body.items():
            if name not in types or type(value) not in types[name]:
                raise self._wrong(name, value)
        item = object.__new__(self._cls)
        made = item.__dict__  # a frozen class lets nobody else set its fields
        if len(body) < len(types):
            made.update(self._left_out(body))
        made.update(body)
        for name, least, most in self._limits:
            value = made[name]
            if value is not None and not least <= value <= most:
                raise self._wrong(name, value)
        if self._converters or self._variants:
            self._convert(made, body)
        return item

    def _left_out(self, body: Mapping[str, Any]) -> Dict[str, Any]:
        """Return the defaults, in which what is in the body may be, too."""
        missing = self._required - body.keys()
        if missing:
            raise MessageError(f"{self._cls.__name__}: {', '.join(sorted(missing))} is missing")
        return {**self._defaults, **{name: factory() for name, factory in self._factories}}

    def _convert(self, made: Dict[str, Any], body: Mapping[str, Any]) -> None:
        """Put what the fields hold in the place of JSON; a default is no JSON."""
        name = ""
        try:
            for name, convert in self._converters:
                value = body.get(name)
                if value is not None:
                    made[name] = convert(value)
            if self._variants:
                name, cls = self._variants.field, self._variants.classes[made[self._variants.by]]
                made[name] = plan_of(cls).make(made[name])
        except (ValueError, TypeError) as error:
            raise MessageError(f"{self._cls.__name__}.{name}: {error}") from error

    def _wrong(self, name: str, value: object) -> MessageError:
        return MessageError(f"{self._cls.__name__}.{name} cannot be {value!r:.100}")


_PLANS: Dict[Type[Any], Plan] = {}


def plan_of(cls: Type[Any]) -> Plan:
    """Return the plan of a class, made once."""
    if cls not in _PLANS:
        _PLANS[cls] = Plan(cls)
    return _PLANS[cls]


def parse(cls: Type[T], body: object) -> T:
    """Return the instance that a JSON object stands for.  Raises MessageError for anything else."""
    if not isinstance(body, dict):
        raise MessageError(f"{cls.__name__} cannot be {body!r:.100}")
    return plan_of(cls).make(body)  # type: ignore[no-any-return]


def _refuse_constant(name: str) -> None:
    raise MessageError(f"{name} is no number of JSON")


load: Callable[[str], Any] = json.JSONDecoder(parse_constant=_refuse_constant).decode
"""Returns what a text says as JSON.  Raises ValueError, also for NaN and the infinities."""


# --- to JSON


def _fields_of(item: Any) -> Dict[str, Any]:
    if not hasattr(type(item), "__dataclass_fields__"):
        raise TypeError(f"{type(item).__name__} has no form in JSON")
    return item.__dict__  # type: ignore[no-any-return]


def _encoder() -> Callable[[Any], str]:
    """Return what makes JSON: the encoder in C itself, which `JSONEncoder` makes anew for each message."""
    text = json.JSONEncoder(check_circular=False, separators=(",", ":"), default=_fields_of)
    try:
        chunks = encoder.c_make_encoder(  # type: ignore[attr-defined]
            *(None, _fields_of, encoder.encode_basestring_ascii, None, ":", ",", False, False, True)
        )
    except (AttributeError, TypeError):  # not in C there, or made in another way: it is nobody's interface
        return text.encode
    return lambda item: "".join(chunks(item, 0))


dump: Callable[[Any], str] = _encoder()
"""Returns the JSON of plain data and of dataclasses, on one line."""
