"""What reuse of base models saves for a jobs file, and which fields split base models."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from master.core.planning.generations.rungs import Climb, climb
from master.core.planning.generations.trees import below, in_tree
from master.core.planning.identity import PARENT_FIELD, canonical_json
from master.core.planning.sharing import sharing_note
from master.specs import BaseModelSpec, JobsSpec

_SECONDS_PER_HOUR = 3600


@dataclass(frozen=True)
class SharedBase:
    """A base model and how many jobs start from it, or from what comes of it."""

    spec: BaseModelSpec
    jobs: int
    depth: int = 0
    """How many ancestors it has, with the rungs below it."""
    trainings: int = 0
    """How many experiments would have trained it for themselves, or what it is the parent of."""


@dataclass(frozen=True)
class FieldSplit:
    """Base models that differ in one field and in nothing else."""

    field: str
    values: tuple[Any, ...]
    """The field's value in each of them; None where it is missing, too."""
    spec_hashes: tuple[str, ...]
    missing_in: tuple[str, ...]
    """Those of `spec_hashes` that do not have the field."""


@dataclass(frozen=True)
class Analysis:
    """A jobs file, counted.  A training is one start of the script: of a base model or of an experiment."""

    jobs: int
    base_models: tuple[SharedBase, ...]
    """The most shared first, each behind what it starts from."""
    splits: tuple[FieldSplit, ...]
    gpu_hours_saved: float | None
    """By the base models whose duration is known; None where none is."""
    sharing_note: str = ""
    """That nothing is shared, and how it would be."""

    jobs_needing_base_model: int = 0
    """How many jobs start from a base model."""
    climb: Climb | None = None
    """How far base models are trained, and what going on from lower rungs saves; None without rungs."""

    @property
    def trainings_without_reuse(self) -> int:
        """Every job trains its own base model first, with all that this comes of."""
        return self.jobs + sum(base.trainings for base in self.base_models)

    @property
    def trainings_with_reuse(self) -> int:
        """Every base model is trained once."""
        return self.jobs + len(self.base_models)

    @property
    def trainings_saved(self) -> int:
        """The difference: base models that need not be trained again."""
        return self.trainings_without_reuse - self.trainings_with_reuse

    def as_json(self) -> dict[str, Any]:
        """Return the analysis as JSON values."""
        return {
            "jobs": self.jobs,
            "jobs_needing_base_model": self.jobs_needing_base_model,
            "base_models": [
                {"spec_hash": base.spec.spec_hash, "jobs": base.jobs, **base.spec.described}
                for base in self.base_models
            ],
            "trainings_without_reuse": self.trainings_without_reuse,
            "trainings_with_reuse": self.trainings_with_reuse,
            "trainings_saved": self.trainings_saved,
            "single_field_splits": [
                {
                    "field": split.field,
                    "values": list(split.values),
                    "spec_hashes": list(split.spec_hashes),
                    "missing_in": list(split.missing_in),
                }
                for split in self.splits
            ],
            **({"rungs": self.climb.as_json()} if self.climb else {}),
            "gpu_hours_saved": self.gpu_hours_saved,
            "sharing_note": self.sharing_note or None,
        }


def analyze(spec: JobsSpec, durations: Mapping[str, float]) -> Analysis:
    """Count a jobs file.

    `durations` are the seconds that the training of base models takes from the beginning, by `spec_hash`.
    """
    direct = Counter(job.base_model.spec_hash for job in spec.jobs if job.base_model)
    counts, alone = Counter(below(direct, spec.starts)), below(direct, spec.parents)
    ordered = in_tree((spec_hash for spec_hash, _ in counts.most_common()), spec.starts)
    shared = tuple(
        SharedBase(spec.base_models[each], counts[each], depth, alone.get(each, 0)) for each, depth in ordered
    )
    found = (
        shared,
        tuple(single_field_splits(spec.base_models)),
        _hours(shared, durations),
        sharing_note(spec),
    )
    return Analysis(len(spec.jobs), *found, direct.total(), climb(spec, spec.base_models))


def _hours(shared: Iterable[SharedBase], durations: Mapping[str, float]) -> float | None:
    """Return the hours that are saved by the base models whose duration is known; None where none is."""
    saved = [
        (base.trainings - 1) * durations[base.spec.spec_hash] + _reached(base.spec, durations)
        for base in shared
        if base.spec.spec_hash in durations
    ]
    return sum(saved) / _SECONDS_PER_HOUR if saved else None


def _reached(spec: BaseModelSpec, durations: Mapping[str, float]) -> float:
    """Return the seconds that a training is spared by the rung that it goes on from."""
    return durations.get(spec.lower.spec_hash, 0.0) if spec.lower else 0.0


def single_field_splits(base_models: Mapping[str, BaseModelSpec]) -> Iterator[FieldSplit]:
    """Yield each group of two or more base models that are equal but for one field."""
    texts = {
        spec_hash: {name: canonical_json(value) for name, value in base.config.items()}
        for spec_hash, base in base_models.items()
    }
    names = {name for fields in texts.values() for name in fields}
    for field in sorted(names - {PARENT_FIELD}):
        groups: dict[frozenset[tuple[str, str]], list[str]] = defaultdict(list)
        for spec_hash, fields in texts.items():
            groups[frozenset((name, text) for name, text in fields.items() if name != field)].append(
                spec_hash
            )
        for alike in groups.values():
            if len(alike) > 1:
                values = tuple(base_models[spec_hash].config.get(field) for spec_hash in alike)
                missing = tuple(spec_hash for spec_hash in alike if field not in texts[spec_hash])
                yield FieldSplit(field, values, tuple(alike), missing)
