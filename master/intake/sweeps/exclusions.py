"""What a sweep leaves out: `exclude`, a list of fields with values that do not go together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from master.core.json_values import same
from master.core.nearest import hint, shown
from master.intake.strict_json import Node
from master.intake.sweeps.entry import Entry


@dataclass(frozen=True)
class Exclusion:
    """Jobs whose fields all have one of these values are left out."""

    node: Node
    values: Mapping[str, list[Any]]

    def matches(self, fields: Mapping[str, Any]) -> bool:
        """Tell whether a job with these fields is left out."""
        return all(
            any(same(fields.get(name), value) for value in values) for name, values in self.values.items()
        )


def exclusions_of(node: Node | None) -> list[Exclusion]:
    """Return what an `exclude` says.  Raises ConfigError."""
    return [_exclusion(item) for item in node.items()] if node else []


def _exclusion(node: Node) -> Exclusion:
    if not node.as_object():
        node.fail("would leave out every job: name fields and their values")
    values = {name: value if isinstance(value, list) else [value] for name, value in node.value.items()}
    return Exclusion(node, values)


def without(entries: Iterable[Entry], exclusions: list[Exclusion]) -> Iterator[Entry]:
    """Yield the jobs that are not left out.  Raises ConfigError for what leaves out none: it is a mistake."""
    if not exclusions:
        yield from entries
        return
    useless, names, total, left = list(exclusions), set[str](), 0, 0
    for total, entry in enumerate(entries, 1):  # noqa: B007 - the number is wanted after the loop
        fields = entry.fields
        names.update(fields)
        useless = [exclusion for exclusion in useless if not exclusion.matches(fields)]
        if not any(exclusion.matches(fields) for exclusion in exclusions):
            left += 1
            yield entry
    for exclusion in useless:
        _fail(exclusion, names)
    if not left:
        exclusions[0].node.fail(f"nothing is left: the exclusions leave out all {total:,} jobs")


def _fail(exclusion: Exclusion, names: set[str]) -> None:
    for name in exclusion.values:
        if name not in names:
            exclusion.node.fail(f"no job has the field {shown(name)}: {hint(name, names)}")
    exclusion.node.fail("leaves out no job: no job has these values together")
