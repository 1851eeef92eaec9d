"""Rungs: trainings of base models that go on from those that are equal but for fewer epochs.

They are offered only where the result is the same to the bit.  So the identity of a base model says nothing
of them; which one goes on from which is a matter of the plan, and of what is at home.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from master.core.planning.identity import canonical_json, phase1_config
from master.core.planning.plan import Plan
from master.specs import EMPTY, BaseModelSpec, Config, JobsSpec, Rungs, base_models_of

KEEPS_STATE, RESUMES_FROM = "keeps_state", "resumes_from"
"""Of a manifest: whether the training's state was to be kept, and the `spec_hash` that it went on from."""
_CONFIG = "config"

Manifests = Mapping[str, Mapping[str, Any]]
"""Of base models in the store, by `spec_hash`."""
Ladders = Mapping[str, list[tuple[int, str]]]
"""Rung and `spec_hash` of base models that are equal in all else, the lowest first."""


def soon_at_home(jobs: JobsSpec) -> dict[str, dict[str, Any]]:
    """Return what manifests will say of the base models that jobs start from, once these are trained."""
    return {
        spec_hash: {"spec_hash": spec_hash, _CONFIG: base.config, **of_manifest(base)}
        for spec_hash, base in jobs.base_models.items()
    }


def of_manifest(base: BaseModelSpec) -> dict[str, Any]:
    """Return what the manifest of a base model says of it as a rung; nothing where it is none."""
    if not base.rung:
        return {}
    return {KEEPS_STATE: True, RESUMES_FROM: base.lower.spec_hash if base.lower else None}


def is_rung(value: object) -> bool:
    """Tell whether a field's value is one that trainings can go on from and to."""
    return type(value) is int and value >= 1


def with_rungs(jobs: JobsSpec, rungs: Rungs) -> JobsSpec:
    """Return jobs with the rung of each base model, linked as if nothing were at home."""
    by, told = rungs.by, dict[str, Config]()
    for job in jobs.jobs:
        if job.base_model:
            told.setdefault(job.base_model.spec_hash, phase1_config(job))

    def marked(base: BaseModelSpec) -> BaseModelSpec:
        if not is_rung(base.config.get(by)):
            return base
        training = base.training if base.training is not None else told.get(base.spec_hash)
        return replace(base, rung=base.config[by], rung_field=by, training=training)

    bases = {spec_hash: marked(base) for spec_hash, base in jobs.base_models.items()}
    return climbing(replace(jobs, base_models=bases, rungs=rungs))


def climbing(jobs: JobsSpec, stored: Manifests = EMPTY) -> JobsSpec:
    """Return jobs whose base models go on from the next lower rung of the jobs or the store.

    What is in the store is trained no more: it is linked as it was made.  `stored` holds those that may be
    gone on from, and those of the jobs that need no training.
    """
    if jobs.rungs is None:
        return jobs
    known = jobs.base_models
    ladders, made = _ladders(known, stored), dict[str, BaseModelSpec]()
    for base in sorted(known.values(), key=lambda base: (_generation(base), base.rung)):
        placed = replace(base, parent=base.parent and made[base.parent.spec_hash], lower=None)
        lower = _lower(base, ladders, stored)
        if lower is not None:
            found = made[lower] if lower in known else _of_store(placed, stored[lower])
            placed = replace(placed, lower=found)
        made[base.spec_hash] = placed
    linked = tuple(
        replace(job, base_model=job.base_model and made[job.base_model.spec_hash]) for job in jobs.jobs
    )
    return replace(jobs, jobs=linked, base_models=base_models_of(linked))


def _generation(base: BaseModelSpec) -> int:
    found, above = 0, base.parent
    while above:
        found, above = found + 1, above.parent
    return found


def _alike(config: Config, by: str) -> str:
    return canonical_json([by, {name: value for name, value in config.items() if name != by}])


def _ladders(known: Mapping[str, BaseModelSpec], stored: Manifests) -> Ladders:
    """Return what can be gone on from: of the store that alone which has its training's state."""
    found: dict[str, list[tuple[int, str]]] = defaultdict(list)
    fields = {base.rung_field for base in known.values() if base.rung}
    for spec_hash, base in known.items():
        if base.rung and stored.get(spec_hash, {}).get(KEEPS_STATE, spec_hash not in stored):
            found[_alike(base.config, base.rung_field)].append((base.rung, spec_hash))
    for spec_hash, manifest in stored.items():
        config = manifest[_CONFIG]
        may_be = spec_hash not in known and manifest.get(KEEPS_STATE)
        for by in fields if may_be else ():
            if is_rung(config.get(by)):
                found[_alike(config, by)].append((config[by], spec_hash))
    return {key: sorted(rungs) for key, rungs in found.items()}


def _lower(base: BaseModelSpec, ladders: Ladders, stored: Manifests) -> str | None:
    if not base.rung:
        return None
    rungs = ladders.get(_alike(base.config, base.rung_field), [])
    if base.spec_hash in stored:
        before = stored[base.spec_hash].get(RESUMES_FROM)
        return next((each for rung, each in rungs if each == before and rung < base.rung), None)
    place = bisect_left(rungs, (base.rung, ""))
    return rungs[place - 1][1] if place else None


def _of_store(base: BaseModelSpec, manifest: Mapping[str, Any]) -> BaseModelSpec:
    """Return a rung that no job of the file starts from; should it be damaged, it is trained like `base`."""
    rung = manifest[_CONFIG][base.rung_field]
    training = {**(base.training or {}), base.rung_field: rung}
    return replace(
        base,
        spec_hash=manifest["spec_hash"],
        config=manifest[_CONFIG],
        rung=rung,
        training=training,
        lower=None,
    )


@dataclass(frozen=True)
class Climb:
    """How far trainings of base models go, in units of the field of their rungs."""

    field: str
    trained: int
    """All together …"""
    saved: int
    """… and what they need not go again, as they go on from lower rungs."""

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {"field": self.field, "trained": self.trained, "saved": self.saved}


def climb(jobs: JobsSpec, trained: Iterable[str]) -> Climb | None:
    """Return what resuming saves where these base models are trained; None for jobs without rungs."""
    if jobs.rungs is None:
        return None
    known = (jobs.base_models[spec_hash] for spec_hash in trained if spec_hash in jobs.base_models)
    bases = [base for base in known if base.rung_field == jobs.rungs.by]
    saved = sum(base.lower.rung for base in bases if base.lower)
    return Climb(jobs.rungs.by, sum(base.rung for base in bases) - saved, saved)


def notes_on_rungs(jobs: JobsSpec, plan: Plan, stored: Manifests) -> Iterator[str]:
    """Say of trainings why they do not go on from what the store has; `stored` is all of that."""
    if jobs.rungs is None:
        return
    by, at_home = jobs.rungs.by, defaultdict[str, list[tuple[int, bool]]](list)
    for config, kept in ((each[_CONFIG], bool(each.get(KEEPS_STATE))) for each in stored.values()):
        if is_rung(config.get(by)):
            at_home[_alike(config, by)].append((config[by], kept))
    trained = [jobs.base_models[spec_hash] for spec_hash in plan.to_train]
    of_store = ((base, at_home.get(_alike(base.config, by), [])) for base in trained if base.rung_field == by)
    yield from dict.fromkeys(note for base, rungs in of_store for note in _notes(base, rungs, by))


def _notes(base: BaseModelSpec, rungs: Sequence[tuple[int, bool]], by: str) -> Iterator[str]:
    """Yield what there is to say of one training, given the rungs at home and whether each has its state."""
    higher = min((rung for rung, _ in rungs if rung > base.rung), default=0)
    if higher:
        below = f"{by} {base.rung} is a rung below {higher}, which the store has"
        yield f"{below}: a training goes on upwards alone, so it is made by a training of its own"
    reached = base.lower.rung if base.lower else 0
    lost = max((rung for rung, kept in rungs if reached < rung < base.rung and not kept), default=0)
    if lost:
        without = f"{by} {lost} is in the store without the state of its training"
        yield f"{without}, as it was made without `resume`: {by} {base.rung} does not go on from it"
