"""What a job's settings may be: how a value is read, and what is wrong with one that is none."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from master.core.nearest import hint, literal, unknown
from master.core.planning.id_template import is_template, template_problem
from master.core.planning.job_limits import job_limits, wrong_limits
from master.core.planning.resources import Resources, resources, wrong_resources
from master.core.quantities import SIZES, TIMES, seconds, size_bytes
from worker_agent.protocol.script_contract import EXECUTORS, executor_of_name
from worker_agent.protocol.terms import CollectRules, JobLimits

T = TypeVar("T")

_SEGMENT = re.compile(r"[A-Za-z0-9_+=][A-Za-z0-9._+=-]{0,99}")
_ALLOWED = "allowed are letters, digits and . _ - + =, 100 at most, not . or - first"
_LONGEST_FOLDER = 200
_COLLECT = ("include", "exclude", "max_size")
FUSED_BY_ITSELF, NOT_FUSED = -1, 0
"""What `auto` and `off` are read as; another number is how many jobs train at once at most."""
MOST_FUSED = 1024
_IS_KEPT = "is kept for a setting of the job that this version does not know: leave it out or rename it"


@dataclass(frozen=True)
class Kind(Generic[T]):
    """One kind of values."""

    name: str
    """What the documentation calls it."""
    parse: Callable[[Any], T | None]
    """None for what is no such value."""
    wrong: Callable[[Any], str]
    """Say of what is no such value what is wrong with it, as a predicate."""


def _executor(value: Any) -> str | None:
    name = executor_of_name(value) if isinstance(value, str) else ""
    return name if name in EXECUTORS else None


def _fuse(value: Any) -> int | None:
    if value == "auto":
        return FUSED_BY_ITSELF
    if value is False or value == "off":  # YAML takes the word for false
        return NOT_FUSED
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return int(value) if is_number and 2 <= value <= MOST_FUSED and value == int(value) else None


def _name(value: Any) -> str | None:
    return value if isinstance(value, str) and _SEGMENT.fullmatch(value) else None


def _id(value: Any) -> str | None:
    if is_template(value):
        return None if template_problem(value) else str(value)
    return _name(value)


def _wrong_id(value: Any) -> str:
    if is_template(value):
        return template_problem(value)
    return f"is {literal(value)}: {_ALLOWED}, or a template such as {{model}}-{{lr}}"


def _folder(value: Any) -> str | None:
    if not isinstance(value, str) or len(value) > _LONGEST_FOLDER:
        return None
    return value if all(map(_name, value.split("/"))) else None


def _collect(value: Any) -> CollectRules | None:
    return None if _wrong_collect(value) else _rules(value)


def _rules(value: Mapping[str, Any]) -> CollectRules:
    most = value.get("max_size")
    include, exclude = (list(value.get(key) or ()) for key in ("include", "exclude"))
    return CollectRules(include, exclude, None if most is None else size_bytes(most))


def _wrong_collect(value: Any) -> str:
    """Say what is wrong with rules for what comes home, "" if nothing is."""
    if not isinstance(value, Mapping):
        return f"is {literal(value)}, allowed is an object of {', '.join(_COLLECT)}"
    for key, item in value.items():
        if key not in _COLLECT:
            return f"has a key {unknown(str(key), _COLLECT)}"
        if key == "max_size":
            if item is not None and size_bytes(item) is None:
                return f"has a max_size of {literal(item)}, allowed is {SIZES}"
        elif not isinstance(item, list) or not all(map(_is_pattern, item)):
            return f"has {literal(item)} as {key}, allowed is a list of patterns such as *.pt or runs/*/best"
    return ""


def _is_pattern(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip("/")) and ".." not in value.split("/")


def _wrong_folder(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST_FOLDER:
        return f"is {literal(value)}, allowed is a string of at most {_LONGEST_FOLDER} characters"
    return f"is {literal(value)}: {_ALLOWED}, with / between"


TIME = Kind("a time", seconds, lambda value: f"is {literal(value)}, allowed are {TIMES}")
SIZE = Kind("a size", size_bytes, lambda value: f"is {literal(value)}, allowed is {SIZES}")
EXECUTOR = Kind("an executor", _executor, lambda value: f"is {literal(value)}: {hint(str(value), EXECUTORS)}")
ID = Kind("a name or a template", _id, _wrong_id)
FOLDER = Kind("names with `/` between", _folder, _wrong_folder)
COLLECT = Kind("rules", _collect, _wrong_collect)
RESOURCES: Kind[Resources] = Kind("needs", resources, wrong_resources)
LIMITS: Kind[JobLimits] = Kind("limits", job_limits, wrong_limits)
FUSING = Kind(
    "how many",
    _fuse,
    lambda value: f"is {literal(value)}, allowed are auto, off and whole numbers from 2 to {MOST_FUSED}",
)
ANYTHING: Kind[Any] = Kind("anything", lambda value: value, lambda value: "")
KEPT: Kind[None] = Kind("not allowed", lambda value: None, lambda value: _IS_KEPT)
