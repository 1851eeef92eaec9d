"""What spells out jobs: `grid`, `zip` and `sample`, read and counted before anything is built."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from master.core.nearest import shown, unknown
from master.intake.strict_json import Node
from master.intake.sweeps.distributions import DISTRIBUTIONS, draws
from master.intake.sweeps.values import range_of

GRID, ZIP, SAMPLE = "grid", "zip", "sample"
_SAMPLE_KEYS = ("n", "seed", "fields")
_LARGEST_SEED = 2**53
_TRIES = 100
"""For each draw: where so many give nothing new, there is hardly anything new."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Axis:
    """Fields that a sweep gives values to, together."""

    key: str
    """Of the file."""
    place: str
    """What one of its rows is called."""
    names: tuple[str, ...]
    size: int
    """How many rows it has."""
    rows: Callable[[], Iterable[Row]]
    """Builds them.  May raise ConfigError."""


def axes_of(node: Node) -> list[Axis]:
    """Return the axes of an object with `grid`, `zip` or `sample`.  Raises ConfigError."""
    grid, rows, sample = (node.get(key) for key in (GRID, ZIP, SAMPLE))
    found = [_grid(grid)] if grid else []
    if rows:
        found += [_zip(each) for each in (rows.items() if isinstance(rows.value, list) else (rows,))]
    if sample:
        found.append(_sample(sample))
    _refuse_twice(node, found)
    return found


def _refuse_twice(node: Node, axes: Iterable[Axis]) -> None:
    first: dict[str, str] = {}
    for axis in axes:
        for name in axis.names:
            if name in first:
                problem = f"{shown(name)} is in `{first[name]}` as well: give it in one place"
                raise node.document.error((*node.trail, axis.key), problem)
            first[name] = axis.key


def _grid(node: Node) -> Axis:
    fields = {name: _values(name, values) for name, values in node.members()}
    size = math.prod(len(values) for values in fields.values())

    def rows() -> Iterator[Row]:
        return (dict(zip(fields, row, strict=True)) for row in itertools.product(*fields.values()))

    return Axis(GRID, "grid point", tuple(fields), size, rows)


def _zip(node: Node) -> Axis:
    fields = {name: _values(name, values) for name, values in node.members()}
    lengths = {name: len(values) for name, values in fields.items()}
    if len(set(lengths.values())) != 1:
        told = ", ".join(f"{shown(name)} has {count}" for name, count in lengths.items())
        node.fail(
            f"all fields need equally many values: {told}" if told else "there are no fields: name some"
        )

    def rows() -> Iterator[Row]:
        return (dict(zip(fields, row, strict=True)) for row in zip(*fields.values(), strict=True))

    return Axis(ZIP, "zip row", tuple(fields), next(iter(lengths.values())), rows)


def _values(name: str, node: Node) -> list[Any]:
    if isinstance(node.value, str):
        try:
            found = range_of(node.value)
        except ValueError as error:
            node.fail(f"{shown(name)}: {error}")
        if found is None:
            node.fail(f"{shown(name)} must be a list of values, or a range such as `0..4`")
        return found
    if not node.as_list():
        node.fail(f"{shown(name)} has no values: give at least one")
    return node.as_list()


def _sample(node: Node) -> Axis:
    node.only_keys(_SAMPLE_KEYS)
    n, seed, fields = (node.get(key) for key in _SAMPLE_KEYS)
    if n is None or fields is None:
        node.fail("give `n`, the number of draws, and `fields`, with a distribution each")
    size = n.integer(1, 2**53)
    start = seed.integer(0, _LARGEST_SEED) if seed else 0
    streams = {name: _stream(field) for name, field in fields.members()}
    if not streams:
        fields.fail("there are no fields: name some, with a distribution each")

    def rows() -> Iterator[Row]:
        endless = zip(*(draw(start, name) for name, draw in streams.items()))  # noqa: B905 - without end
        return _distinct(node, (dict(zip(streams, row, strict=True)) for row in endless), size)

    return Axis(SAMPLE, "draw", tuple(streams), size, rows)


def _stream(node: Node) -> Callable[[int, str], Iterator[Any]]:
    """Return what draws a field, from a seed and its name.  Raises ConfigError."""
    given = list(node.members())
    if len(given) != 1:
        node.fail(f'must name one distribution, such as {{"uniform": [0, 1]}}: {", ".join(DISTRIBUTIONS)}')
    (kind, numbers) = given[0]
    if kind not in DISTRIBUTIONS:
        node.fail(unknown(kind, DISTRIBUTIONS))
    distribution, values = DISTRIBUTIONS[kind], numbers.as_list()
    wrong = distribution.problem(values)
    if wrong:
        numbers.fail(f"`{kind}` {wrong}; it takes {distribution.takes}")
    return lambda seed, name: draws(distribution, values, seed, name)


def _distinct(node: Node, rows: Iterator[Row], size: int) -> Iterator[Row]:
    """Yield the first `size` rows that differ: two equal jobs would be one."""
    seen: set[str] = set()
    for row in itertools.islice(rows, size * _TRIES):
        text = repr(row)
        if text not in seen:
            seen.add(text)
            yield row
        if len(seen) == size:
            return
    node.fail(f"`n` is {size:,}, but only {len(seen):,} different draws were found: ask for fewer")
