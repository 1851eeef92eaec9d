"""Base models that were asked for alike: what they share but for their code, and in what two differ."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from master.core.planning.identity import CODE_FIELD, HASH_DIGITS, PARENT_FIELD, canonical_json, tagged_hash
from master.specs import Config


def family_of(config: Config, identity_of: Callable[[str], Config | None] = lambda spec_hash: None) -> str:
    """Return the hash of what a base model was asked for, whatever code made it and what it starts from.

    Base models of one family are versions of each other.  `identity_of` tells what identifies a base model of
    a `spec_hash`, if that is known.
    """
    asked = {name: value for name, value in config.items() if name != CODE_FIELD}
    parent = identity_of(asked[PARENT_FIELD]) if PARENT_FIELD in asked else None
    if parent is not None:
        asked[PARENT_FIELD] = family_of(parent, identity_of)
    return tagged_hash("family", asked)[:HASH_DIGITS]


def age_order(manifest: Mapping[str, Any]) -> float:
    """Return a number by which what came into the store later stands behind what came earlier.

    That is by the head node's clock: workers' may be apart.  Manifests of earlier versions have theirs alone.
    """
    times = (manifest.get(name) for name in ("stored_at", "trained_at"))
    return next((float(at) for at in times if isinstance(at, (int, float)) and not isinstance(at, bool)), 0.0)


@dataclass(frozen=True)
class Difference:
    """A field in which two base models differ."""

    field: str
    values: tuple[Any, Any]
    """None where it is missing, too."""
    given: tuple[bool, bool]

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {"field": self.field, "values": list(self.values), "given": list(self.given)}


def differences(one: Config, other: Config) -> list[Difference]:
    """Return the fields in which what identifies two base models differs; `1` and `1.0` do."""
    return [
        Difference(name, (one.get(name), other.get(name)), (name in one, name in other))
        for name in dict.fromkeys((*one, *other))
        if _text(one, name) != _text(other, name)
    ]


@dataclass(frozen=True)
class Clearing:
    """Which base models of a store may go, and why the others stay."""

    goes: tuple[str, ...]
    stays: Mapping[str, str]
    """The reason, by `spec_hash`."""


def clearing(
    stored: Collection[str], needed: Mapping[str, Collection[str]], pinned: Collection[str]
) -> Clearing:
    """Return what becomes of each base model; `needed` has the `spec_hash`es that each of its keys needs."""
    stays = dict.fromkeys(pinned, "pinned")
    for what, hashes in needed.items():
        for spec_hash in hashes:
            stays.setdefault(spec_hash, f"needed by {what}")
    return Clearing(
        tuple(one for one in stored if one not in stays), {one: stays[one] for one in stored if one in stays}
    )


def shown(item: Mapping[str, Any], number: int) -> str:
    """Return a value of a difference that is ready for JSON as text: that of the first, or of the other."""
    return json.dumps(item["values"][number]) if item["given"][number] else "(not given)"


def _text(config: Config, name: str) -> str:
    return canonical_json(config[name]) if name in config else ""
