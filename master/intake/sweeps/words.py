"""The words of a sweep on a command line: `lr=1e-3,1e-4`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from master.intake.sweeps.values import split, value_of, values_of

Named = tuple[str, Any]


@dataclass(frozen=True)
class SweepFlags:
    """What the flags say; each pair is a field and what it gets."""

    set_to: Sequence[Named] = ()
    grid: Sequence[Named] = ()
    zip: Sequence[Named] = ()
    sample: Sequence[Named] = ()
    draws: int | None = None
    seed: int = 0
    exclude: Sequence[Mapping[str, Any]] = ()

    @property
    def given(self) -> bool:
        """Whether they say anything."""
        return any((self.set_to, self.grid, self.zip, self.sample, self.draws, self.exclude))


def named_values(text: str) -> Named:
    """Return field and values of `lr=1e-3,1e-4`.  Raises ValueError."""
    name, values = _named(text)
    return name, values_of(values)


def named_value(text: str) -> Named:
    """Return field and value of `epochs=5`.  Raises ValueError."""
    name, value = _named(text)
    return name, value_of(value)


def named_distribution(text: str) -> Named:
    """Return field and distribution of `lr=log_uniform:1e-5,1e-2`.  Raises ValueError."""
    name, given = _named(text)
    kind, colon, numbers = given.partition(":")
    if not colon:
        from master.intake.sweeps.distributions import DISTRIBUTIONS  # for this message alone

        kinds = ", ".join(DISTRIBUTIONS)
        raise ValueError(f"`{text}` is not like lr=log_uniform:1e-5,1e-2; distributions are {kinds}")
    return name, {kind: values_of(numbers)}


def together(text: str) -> dict[str, list[Any]]:
    """Return fields and values of `model=large,batch=128,256`: those that do not go together."""
    found: dict[str, list[Any]] = {}
    for part in split(text):
        name, equals, value = part.partition("=")
        if equals:
            found.setdefault(name.strip(), []).extend(values_of(value))
        elif found:
            found[next(reversed(found))].extend(values_of(part))
        else:
            raise ValueError(f"`{text}` is not like model=large,batch=128,256")
    return found


def _named(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise ValueError(f"`{text}` has no name: write NAME=…, such as lr=1e-3")
    return name.strip(), value
