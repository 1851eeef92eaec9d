"""Jobs over participants: a base model of many people, then a model fitted to one of them.

This is the form of the jobs files for which Twophase was first made.  Users' scripts share it with the
built-in trainer `personalization`, so it is the shape of all jobs whose training code does not say otherwise.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from types import MappingProxyType
from typing import Any

from master.core.nearest import hint, literal
from master.core.planning.job_shape import JobShape, LeaveOneOut, OutOfRange
from master.specs import Config
from worker_agent.protocol.script_contract import MODE

PARTICIPANTS, FOLD, COUNT = "participants", "fold", "n_base_participants"
SPLIT = LeaveOneOut(PARTICIPANTS, FOLD, COUNT, others="base_participants")
TARGET_ONLY = "target_only"

PARTICIPANT_JOBS = JobShape(
    fine_tuning_fields=frozenset(
        {
            *(FOLD, MODE, "target_data_pct", "target_batch_pct", "early_stopping_patience_target"),
            "seed_finetune",
        }
    ),
    modes=MappingProxyType({"full_fine_tuning": True, "target_only_fine_tuning": True, TARGET_ONLY: False}),
    kind_fields=(MODE, "model"),
    leave_one_out=SPLIT,
    is_usual=True,
)
SHARES = ("target_batch_pct", "target_data_pct", "aug_prob")
"""Fields that are parts of a whole."""

Problem = tuple[str, str]
"""A field and what is wrong with it, as a predicate."""


def target_of(config: Config) -> str | None:
    """Return whom a participant job is about, or None for any other job."""
    return str(config[PARTICIPANTS][config[FOLD]]) if SPLIT.applies(config) else None


def has_our_words(config: Config, shape: JobShape) -> bool:
    """Tell whether the words of this form mean in a job what they mean here."""
    return shape.leave_one_out is SPLIT and (shape.has_form(config) or not shape.is_usual)


def share_problems(config: Config) -> Iterator[Problem]:
    """Yield the shares that are no part of a whole."""
    for name in SHARES:
        value = config.get(name)
        if value is not None and not (type(value) in (int, float) and 0 <= value <= 1):
            yield name, f"is {literal(value)}, allowed are numbers from 0 to 1"


def participant_problems(config: Config, needed: bool) -> Iterator[Problem]:
    """Yield what is wrong with a job over participants, or with half of one.

    `needed` is whether it starts from a base model.  Later checks rely on earlier ones.
    """
    given = {name for name in (PARTICIPANTS, FOLD) if config.get(name) is not None}
    if len(given) < 2:
        for name in given:
            missing = FOLD if name == PARTICIPANTS else PARTICIPANTS
            yield name, f"is given without `{missing}`: a participant job has both"
        return
    if problem := _names_problem(config[PARTICIPANTS]):
        yield PARTICIPANTS, problem
        return
    if type(config[FOLD]) is not int:
        yield FOLD, f"is {literal(config[FOLD])}, allowed are 0 to {len(config[PARTICIPANTS]) - 1}"
    mode = config.get(MODE)
    if mode is not None and not (isinstance(mode, str) and mode in PARTICIPANT_JOBS.modes):
        yield MODE, f"is {literal(mode)}: {hint(str(mode), PARTICIPANT_JOBS.modes)}"
    yield from _others_problem(config, needed)


def _names_problem(participants: Any) -> str:
    kinds = {type(name) for name in participants} if isinstance(participants, list) else set()
    if kinds not in ({str}, {int}) or "" in participants:
        return "must be a list of names, at least one"
    name, times = Counter(participants).most_common(1)[0]
    return f"names {literal(name)} more than once" if times > 1 else ""


def _others_problem(config: Config, needed: bool) -> Iterator[Problem]:
    if isinstance(config.get(COUNT), bool):
        yield COUNT, "is true or false, allowed are `all` and a whole number"
    try:
        others = SPLIT.others_of(config)
    except OutOfRange as error:
        yield error.field, error.problem
        return
    if needed and not others:
        problem = (
            f"has nobody but the target to train a base model on: name more, or set `{MODE}` to {TARGET_ONLY}"
        )
        yield PARTICIPANTS, problem
