"""What the columns of a file are for: features, targets, groups, times; from flags or from a JSON file."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np

from trainers.common.errors import BadInput

FILE = "@file"
"""A column that every table has: the name of the file that a row comes from, without its ending."""
_OFFERED, _LISTED = 3, 12


@dataclass(frozen=True)
class Valid:
    """Which values of a target are valid: low ≤ value < high, and none of those that are excluded."""

    low: float = -math.inf
    high: float = math.inf
    excluded: tuple[float, ...] = ()

    def of(self, values: np.ndarray) -> np.ndarray:
        """Return which values are valid; NaN is not."""
        return (values >= self.low) & (values < self.high) & ~np.isin(values, self.excluded)

    def __str__(self) -> str:
        """Return the text that `parsed` reads."""
        ends = ("" if math.isinf(end) else f"{end:g}" for end in (self.low, self.high))
        return ",".join(["..".join(ends), *(f"!{value:g}" for value in self.excluded)])

    @classmethod
    def parsed(cls, text: str) -> Valid:
        """Return the range of a text such as `0..1`, `..1,!-1` or `0..`; BadInput for any other."""
        range_, *rest = text.split(",")
        low, dots, high = range_.partition("..")
        try:
            excluded = tuple(float(part.removeprefix("!")) for part in rest)
            found = cls(float(low or "-inf"), float(high or "inf"), excluded)
        except ValueError:
            dots = ""
        if not dots or any(not part.startswith("!") for part in rest):
            raise BadInput(
                f"--valid {text!r}: must be like 0..1, ..1 or 0.., and ,!-1 for a value to leave out"
            )
        return found


@dataclass(frozen=True)
class Schema:
    """The columns by their use."""

    targets: tuple[str, ...]
    features: tuple[str, ...] = ()
    """In the order in which models get them; none: all columns that have no other use."""
    categorical: tuple[str, ...] = ()
    """Those of the features that are names, not amounts."""
    exclude: tuple[str, ...] = ()
    """Columns that are no features, where `features` is not given."""
    group: str | None = None
    """What a row belongs to: a person, a simulation, `@file`."""
    time: str | None = None
    split: str | None = None
    """A column that says train, val or test."""
    valid: Mapping[str, Valid] = field(default_factory=dict)
    """By target."""

    def to_json(self) -> dict[str, Any]:
        """Return the schema as `from_json` reads it."""
        valid = {name: str(one) for name, one in self.valid.items()}
        return {**asdict(self), "valid": valid}

    @classmethod
    def from_json(cls, value: Mapping[str, Any], place: str) -> Schema:
        """Return the schema that JSON describes; BadInput, naming `place`, for what is none."""
        known = [one.name for one in fields(cls)]
        for name in value:
            if name not in known:
                raise BadInput(f"{place}: {name!r} is no key of a schema; {_offer(name, known)}")
        try:
            lists = {name: _texts(value[name]) for name in known[:4] if name in value}
            texts = {name: value[name] for name in ("group", "time", "split") if value.get(name) is not None}
            valid = {name: Valid.parsed(text) for name, text in dict(value.get("valid", {})).items()}
        except (TypeError, ValueError, AttributeError) as error:
            raise BadInput(
                f"{place}: lists of column names, and valid as {{target: range}} ({error})"
            ) from error
        return cls(**{"targets": (), **lists, **texts, "valid": valid})


def features_of(schema: Schema, there: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the features among the columns that are there.

    Raises BadInput for a name that no column has, and where one column has two uses.
    """
    for name in used(schema):
        if name not in there and name != FILE:
            raise BadInput(f"no column {name!r}: {_offer(name, there)}")
    other = {*schema.targets, *schema.exclude, schema.group, schema.time, schema.split}
    features = schema.features or tuple(name for name in there if name not in other)
    both = [name for name in features if name in {*schema.targets, schema.split}]
    if both:
        raise BadInput(f"{', '.join(both)}: is a target or says the split, and so cannot be a feature")
    absent = [name for name in schema.categorical if name not in features]
    if absent:
        raise BadInput(f"--categorical {', '.join(absent)}: is not among the features")
    if not features:
        raise BadInput("no column is left as a feature: all have another use")
    return features


def used(schema: Schema) -> list[str]:
    """Return the columns that a schema names, each once."""
    single = [name for name in (schema.group, schema.time, schema.split) if name is not None]
    named = [*schema.features, *schema.categorical, *schema.targets, *schema.exclude, *single, *schema.valid]
    return list(dict.fromkeys(named))


def _texts(value: object) -> tuple[str, ...]:
    found = (value,) if isinstance(value, str) else tuple(value)  # type: ignore[arg-type]
    if any(not isinstance(one, str) for one in found):
        raise TypeError(f"{value!r} is no list of names")
    return found


def _offer(name: str, there: Iterable[str]) -> str:
    """Return what a name may have meant, and what there is."""
    names = list(there)
    lower = {one.lower(): one for one in names}
    near = difflib.get_close_matches(name.lower(), lower, n=_OFFERED, cutoff=0.5)
    meant = f"did you mean {' or '.join(repr(lower[one]) for one in near)}? There" if near else "there"
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return f"{meant} are {', '.join(names[:_LISTED])}{more}"
