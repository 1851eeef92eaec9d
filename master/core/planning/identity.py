"""Which base model a job needs: the only place that decides it.

Everything that asks (planner, analysis, report) calls `base_model_of`; training scripts are told the hash.
No defaults are filled in: a field that is given and one that is left to its default are different.  That may
train a base model too often, which costs time; sharing one wrongly would cost the result.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from master.core.planning.job_settings import NOT_IDENTIFYING, NOT_OF_THE_JOB, PREFIX
from master.core.planning.job_shape import ANY_JOB, JobShape
from master.specs import BaseModelSpec, Config, JobSpec
from worker_agent.protocol.script_contract import BASE_ONLY, MODE

HASH_DIGITS = 32
CODE_FIELD = "code"
PARENT_FIELD = "parent base model"
"""In what identifies a base model: the `spec_hash` of what it starts from.  No field can be called so."""


@dataclass(frozen=True)
class BaseModelRule:
    """What a jobs file says in `base_model`."""

    needed: bool | None = True
    """False where no job of the file starts from a base model; None leaves it to the jobs' shape."""
    include: frozenset[str] | None = None
    """The only fields that identify a base model; None: all but `exclude` and what never does by itself."""
    exclude: frozenset[str] = frozenset()

    def identifies(self, name: str, fine_tuning_fields: frozenset[str] = frozenset()) -> bool:
        """Tell whether the field `name` is part of a base model's identity."""
        if name.startswith("_"):
            return False
        if self.include is not None:
            return name in self.include
        return not any(name in fields for fields in (NOT_IDENTIFYING, fine_tuning_fields, self.exclude))


DEFAULT_RULE = BaseModelRule()
NOTHING_SAID = BaseModelRule(needed=None)


def canonical_json(value: Any) -> str:
    """Return the one JSON text of a value: sorted keys, no blanks; `1`, `1.0` and `true` differ.

    Raises ValueError for NaN, infinities and lone surrogates, TypeError for what JSON has no word for.
    """
    text = _ENCODE(_plain(value))
    text.encode()  # refuses lone surrogates
    return text


def tagged_hash(kind: str, value: Any) -> str:
    """Return the sha256 hex digest of a value as a `kind`; two kinds never have the same one."""
    return hashlib.sha256(canonical_json([kind, value]).encode()).hexdigest()


def spec_hash_of(config: Config) -> str:
    """Return the `spec_hash` of a base model from what identifies it."""
    return tagged_hash("base_model", config)[:HASH_DIGITS]


def job_hash_of(config: Config, given_id: str | None = None) -> str:
    """Return the `job_hash` of a job's fields and, where the user gave one, its id."""
    # Where a job runs and when makes it no other job: resources may change between two starts of a run.
    config = {name: value for name, value in config.items() if name not in NOT_OF_THE_JOB}
    value = {"config": config} if given_id is None else {"config": config, "id": given_id}
    return tagged_hash("job", value)[:HASH_DIGITS]


def needs_base_model(config: Config, rule: BaseModelRule, shape: JobShape) -> bool:
    """Tell whether a job starts from a base model."""
    asked = shape.asks_for_base_model(config) if rule.needed is None else rule.needed
    return asked and shape.needs_base_model(config)


def base_model_of(
    config: Config, code: str, rule: BaseModelRule = DEFAULT_RULE, shape: JobShape = ANY_JOB
) -> BaseModelSpec | None:
    """Return the base model that a job with these fields starts from, or None if it needs none.

    `code` identifies the training code, `shape` says what its fields mean.  Raises ValueError where the
    member that the job leaves out, or the number of the others, is out of range.
    """
    if not needs_base_model(config, rule, shape):
        return None
    fine_tuning, split = shape.tuning_fields_of(config), shape.leave_one_out
    identity = {name: value for name, value in config.items() if rule.identifies(name, fine_tuning)}
    if split is not None and split.applies(config):
        identity = {name: value for name, value in identity.items() if name not in split.fields}
        identity[split.others] = split.others_of(config)
    identity[CODE_FIELD] = code
    return BaseModelSpec(spec_hash_of(identity), identity, shape.is_plain(config))


def phase1_config(job: JobSpec) -> dict[str, Any]:
    """Return the fields of the Phase 1 job that trains the base model of `job`, the first that needs it.

    Where the base model is plain, a field that does not identify it is left out: its value would be that of
    whichever job comes first.
    """
    left_out = set(untold_fields(job))
    told = {name: value for name, value in job.config.items() if name not in left_out}
    base = job.base_model
    identifies = base is not None and base.is_plain and MODE in base.config
    return told if identifies else {**told, MODE: BASE_ONLY}


def untold_fields(job: JobSpec) -> list[str]:
    """Return the fields of `job` that the training of its base model is not told."""
    base = job.base_model
    if base and base.stage and base.training is not None:
        return [name for name in job.config if name not in base.training and not name.startswith("_")]
    if base is None or not base.is_plain:
        return []
    kept = {*base.config, *OF_PHASE_1}
    return [name for name in job.config if name not in kept and not name.startswith("_")]


OF_PHASE_1 = (NOT_IDENTIFYING | {MODE}) - {PREFIX.name}
"""What the training of a base model has though it does not identify it: how and where it runs, its mode."""

_SCALARS = frozenset({str, int, float, bool, type(None)})
_KEYS = frozenset({str})
_ENCODE = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False, check_circular=False
).encode


def _plain(value: Any) -> Any:
    """Return a value as JSON's own types, which must be its types exactly: no subclass may spell it anew."""
    if type(value) in _SCALARS:
        return value
    if type(value) in (list, tuple):
        return value if _SCALARS.issuperset(map(type, value)) else [_plain(item) for item in value]
    if not isinstance(value, Mapping):
        raise TypeError(f"{type(value).__name__} has no canonical form")
    if not _KEYS.issuperset(map(type, value)):
        raise TypeError("a key that is no string has no canonical form")
    return {key: item if type(item) in _SCALARS else _plain(item) for key, item in value.items()}
