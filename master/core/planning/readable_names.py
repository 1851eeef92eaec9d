"""Names of jobs that tell what was swept and what differs: `lr=1e-3_seed=2`, in the grammar of ids."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from master.core.planning.job_settings import DEVICE, NOT_FOR_THE_SCRIPT, PREFIX
from master.core.planning.value_texts import safe, value_text
from master.specs import Config

LONGEST_NAME = 100
_NEVER_NAMED = NOT_FOR_THE_SCRIPT | {PREFIX.name, DEVICE.name}


def naming_fields(configs: Sequence[Config], but: Collection[str] = ()) -> frozenset[str]:
    """Return the fields by which jobs differ, but for those that say how or where they run."""
    names: Iterable[str] = dict.fromkeys(name for config in configs for name in config)
    return frozenset(name for name in nameable(names, but) if _varies(name, configs))


def nameable(names: Iterable[str], but: Collection[str] = ()) -> frozenset[str]:
    """Return those of the fields that do not say how or where a job runs."""
    told = (name for name in names if not name.startswith("_") and name not in _NEVER_NAMED)
    return frozenset(name for name in told if name not in but)


def readable_name(config: Config, fields: Collection[str]) -> str:
    """Return the values of `fields` in a job; "" where it has none of them."""
    return "_".join(f"{safe(name)}={value_text(value)}" for name, value in config.items() if name in fields)


def _varies(name: str, configs: Sequence[Config]) -> bool:
    first = configs[0].get(name, configs)
    return any(_differ(first, config.get(name, configs)) for config in configs)


def _differ(one: Any, other: Any) -> bool:
    if one is other:
        return False
    if type(one) is not type(other):
        return True
    return repr(one) != repr(other) if isinstance(one, list) else bool(one != other)


def differing(one: Config, other: Config) -> list[str]:
    """Return the fields that are not equal in two jobs, those that are missing in one of them too."""
    return [name for name in {**one, **other} if _differ(one.get(name, one), other.get(name, other))]
