"""Reads `resume` of a jobs file: by which field trainings of base models go on from each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from master.core.nearest import hint, literal, shown
from master.core.planning.generations.rungs import is_rung
from master.core.planning.job_settings import NOT_IDENTIFYING
from master.core.planning.job_shape import JobShape
from master.errors import ConfigError
from master.intake.strict_json import Node
from master.intake.sweeps.entry import Entry
from master.specs import BaseModelSpec, Config, JobSpec, Rungs

RESUME = "resume"
_FIELD, _EXACT, _HORIZON = "field", "exact", "horizon"
_CURE = "give the rungs a run of their own, or leave `resume` out"


def read_resume(top: Node, entries: Sequence[Entry], shape: JobShape) -> Rungs | None:
    """Return by which field trainings go on, None where a file says nothing of it.  Raises ConfigError."""
    node = top.get(RESUME)
    if node is None:
        return None
    node.as_object()
    node.only_keys((_FIELD, _EXACT, _HORIZON))
    named = node.get(_FIELD)
    if named is None:
        node.fail(f'`{_FIELD}` is missing: the one of which more goes on from less, such as "epochs"')
    name, known = named.string(), {name for entry in entries for name in entry.fields}
    _check_field(named, name, known)
    return _of_script(node, name, known) if shape.is_usual else _of_trainer(node, name, shape.rungs)


def rung_fields(said: Mapping[str, Any]) -> list[str]:
    """Return the fields of jobs that `resume` of a file names, which has been read before."""
    return [str(said[key]) for key in (_FIELD, _HORIZON) if key in said]


def _check_field(node: Node, name: str, known: set[str]) -> None:
    if name not in known:
        node.fail(f"no job has the field {shown(name)}: {hint(name, known)}")
    if name.startswith("_") or name in NOT_IDENTIFYING:
        node.fail(f"{shown(name)} says how a job is run, no base model depends on it")


def _of_script(node: Node, name: str, known: set[str]) -> Rungs:
    exact, horizon = node.get(_EXACT), node.get(_HORIZON)
    if exact is None or exact.value is not True:
        says = f'says so by `"{_EXACT}": true`'
        (exact or node).fail(
            "base models must be the same to the bit, resumed or not: a script that goes on with weights,"
            f" optimiser, schedule and random numbers as they were {says}; else leave `{RESUME}` out"
        )
    over = horizon.string() if horizon else ""
    if horizon and over not in known:
        horizon.fail(f"no job has the field {shown(over)}: {hint(over, known)}")
    if horizon and over == name:
        horizon.fail(f"is {literal(over)}, the field itself: a schedule over it has no common beginning")
    return Rungs(name, over)


def _of_trainer(node: Node, name: str, said: Rungs | None) -> Rungs:
    if said is None:
        node.fail(
            "the trainer does not say that a training which goes on from another ends the same to the bit:"
            f" leave `{RESUME}` out, or take one whose manifest has `resumes` (docs/trainers.md)"
        )
    for key in (_EXACT, _HORIZON):
        if (given := node.get(key)) is not None:
            given.fail(f"the trainer itself says what is exact: leave `{key}` out")
    if name != said.by:
        node.fail(f"the trainer goes on by {shown(said.by)}, not by {shown(name)}")
    return said


def check_rungs(top: Node, entries: Iterable[Entry], jobs: Sequence[JobSpec], rungs: Rungs) -> None:
    """Raise ConfigError where the base model of a job cannot be a rung."""
    node = top.get(RESUME)
    assert node is not None
    if all(job.base_model is None for job in jobs):
        node.fail("no job starts from a base model, and experiments are not resumed: leave it out")
    for entry, job in zip(entries, jobs, strict=True):
        if job.base_model and (wrong := _problem(job, job.base_model, rungs)):
            raise _error(node, entry, *wrong)


def _error(node: Node, entry: Entry, field: str, problem: str) -> ConfigError:
    return entry.error(field, problem) if field else node.document.error(node.trail, problem, entry.place)


def _problem(job: JobSpec, base: BaseModelSpec, rungs: Rungs) -> tuple[str, str] | None:
    """Return the field that keeps a job's base model from being a rung, "" where it is missing, and why."""
    by, config = rungs.by, job.config
    if by not in config:
        return "", f"has no {shown(by)}: give it in each job that starts from a base model"
    if not is_rung(config[by]):
        return by, f"is {literal(config[by])}: rungs are whole numbers from 1"
    rung = next((each for each in base.lineage if by in each.config), None)
    if rung is None:
        return by, f"does not identify base models, so none has more of it: let it, or leave `{RESUME}` out"
    if rungs.horizon and (wrong := _horizon_problem(config, rung, rungs)):
        return wrong
    training = config if rung.training is None else rung.training
    for name, values in rungs.not_with.items():
        if training.get(name) in values:
            return _not_with_problem(name, job, training)
    return None


def _not_with_problem(name: str, job: JobSpec, training: Config) -> tuple[str, str]:
    """Say of a field that with what a training is told of it one that goes on ends otherwise."""
    if name in job.config and name not in training:
        why = (
            "does not identify base models, whose training is not told it and ends otherwise when it goes on"
        )
        return name, f"{why}: let it, or leave `{RESUME}` out"
    what = f"{shown(name)} is {literal(training.get(name))}"
    return "", f"{what}, with which a training that goes on ends otherwise: {_CURE}"


def _horizon_problem(config: Config, rung: BaseModelSpec, rungs: Rungs) -> tuple[str, str] | None:
    """Say what is wrong with the field over which schedules of a rung are laid."""
    by, over, value = rungs.by, rungs.horizon, config[rungs.by]
    if config.get(over) is None:
        why = f"the schedule of {by} {value} is not the beginning of that of {2 * value}"
        return "", f"{why}: give {shown(over)}, such as {2 * value}, in each job"
    if all(over not in each.config for each in rung.lineage):
        return (
            over,
            f"does not identify the base models that {shown(by)} does: let it, schedules depend on it",
        )
    if not is_rung(config[over]) or config[over] < value:
        return over, f"is {literal(config[over])}: a schedule is laid over at least {by}, {value} here"
    return None
