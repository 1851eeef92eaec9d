"""Base models that start from others: what each generation is known by, and what its training is told.

A stage adds fields to those of the stages above it.  Its base model is known by the fields that it adds and
by what it starts from, so that a changed ancestor changes all that come of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from master.core.planning.identity import CODE_FIELD, OF_PHASE_1, PARENT_FIELD, spec_hash_of
from master.core.planning.job_shape import JobShape, LeaveOneOut
from master.specs import BaseModelSpec, Config
from worker_agent.protocol.script_contract import BASE_ONLY, MODE


@dataclass(frozen=True)
class LineageStage:
    """A generation of base models."""

    name: str
    fields: frozenset[str]
    """What its base models depend on, beside what they start from."""


Stages = Sequence[LineageStage]
"""From the first generation to that which jobs start from."""


def lineage_of(config: Config, code: str, stages: Stages, shape: JobShape) -> BaseModelSpec | None:
    """Return the base model that a job with these fields starts from, with its ancestors, or None.

    `code` identifies the training code, `shape` says what its fields mean.  Raises OutOfRange as
    `base_model_of` does.
    """
    found: BaseModelSpec | None = None
    names: frozenset[str] = frozenset()
    for stage in stages if shape.needs_base_model(config) else ():
        names |= stage.fields
        told = {name: value for name, value in config.items() if name in names}
        identity = _own(told, stage, shape.leave_one_out)
        identity[CODE_FIELD] = code
        if found:
            identity[PARENT_FIELD] = found.spec_hash
        found = BaseModelSpec(
            spec_hash_of(identity),
            identity,
            parent=found,
            stage=stage.name,
            training=_training(config, names, plain=shape.is_plain(config)),
        )
    return found


def _own(told: Config, stage: LineageStage, split: LeaveOneOut | None) -> dict[str, Any]:
    """Return what a stage adds to what identifies its parent."""
    own = {name: value for name, value in told.items() if name in stage.fields}
    if split is None or not split.fields & stage.fields or not split.applies(told):
        return own
    return {**{n: v for n, v in own.items() if n not in split.fields}, split.others: split.others_of(told)}


def _training(config: Config, names: frozenset[str], *, plain: bool) -> dict[str, Any]:
    """Return the fields of the job that trains a base model: those of its stages, and how jobs are run."""
    told = {name: value for name, value in config.items() if name in names or name in OF_PHASE_1}
    return told if plain and MODE in names else {**told, MODE: BASE_ONLY}


def split_problem(stages: Stages, split: LeaveOneOut) -> str:
    """Say what is wrong with stages for jobs over members; "" where nothing is.

    The first stage that depends on who is left out must know both the members and which of them it is.
    """
    needed = f"`{split.members}` and `{split.index}`"
    first = next((stage for stage in stages if stage.fields & split.fields), None)
    if first is None:
        left_out = "a base model would be made from the one that a job leaves out, too"
        return f"no stage has {needed}, by which jobs leave one out: {left_out}; add both to a stage"
    if not {split.members, split.index} <= first.fields:
        return f"the stage {first.name} has not both of {needed}: a job leaves one out by the two together"
    return ""
