"""What an attempt used of the cache: unless that was sound to its end, what it made does not count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import FrozenSet, List, Optional

from worker_agent.cache.artefacts import Cache
from worker_agent.cache.sidecars import is_changed_in_common

_WRITTEN_TO = (
    "the base model {} was changed while the job ran, and no other job used it: what jobs start from is"
    " shared, and is not to be written to"
)


@dataclass(frozen=True)
class Use:
    """What an attempt used, as it was seen when the attempt had ended."""

    names: FrozenSet[str]
    """The content hashes of all that stays in the cache while it is used."""
    base_model: Optional[str] = None
    is_changed: bool = False
    """The files of the base model do not look as they did when they were hashed."""
    is_alone: bool = False
    """No other attempt of this run used the base model just then."""
    ran_s: float = 0.0

    def is_known(self, cache: Cache) -> bool:
        """Return whether this agent has hashed all of it; what it has not may just be being hashed."""
        return all(map(cache.inspections.is_known, self.names))


@dataclass(frozen=True)
class Damage:
    """Why the end of an attempt does not count for what it seems."""

    problem: str
    is_jobs: bool = False
    """The job has done that, and not its place."""
    spoils_checkpoint: bool = True
    """It may have been made of wrong bytes."""


def damage(cache: Cache, use: Use, *, failed: bool) -> Optional[Damage]:
    """Return what became of the artefacts that an attempt used, None where they are sound.

    Hashed is what does not look as it should, what this agent has not hashed at all, and where the attempt
    `failed` also what was not hashed lately.
    """
    in_common = use.is_changed and is_changed_in_common(cache.layout, str(use.base_model))
    changed = _changed(cache, use)
    found = changed + [problem for problem in _rotten(cache, use, failed) if problem not in changed]
    if changed and use.is_alone and not in_common:
        return Damage(_WRITTEN_TO.format(str(use.base_model)[:12]), is_jobs=True)
    if found:
        return Damage("; ".join(found))
    gone = [name[:12] for name in sorted(use.names) if failed and cache.status(name) == "missing"]
    problem = f"artefact {', '.join(gone)} was removed from this worker while the job ran"
    return Damage(problem, spoils_checkpoint=False) if gone else None


def _changed(cache: Cache, use: Use) -> List[str]:
    if not use.is_changed or use.base_model is None:
        return []
    return cache.rotten([use.base_model], every_s=0.0)


def _rotten(cache: Cache, use: Use, failed: bool) -> List[str]:
    unknown = [name for name in use.names if not cache.inspections.is_known(name)]
    cache.rotten(unknown)
    if failed:
        return cache.rotten(use.names, ran_s=use.ran_s)
    return cache.inspections.found(use.names, cache.inspections.clock() - use.ran_s)
