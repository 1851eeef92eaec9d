"""Reads the jobs file into frozen specs.  `docs/jobs.md` describes the file."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from master.core.nearest import hint, shown
from master.core.planning.identity import NOTHING_SAID, BaseModelRule, base_model_of, job_hash_of
from master.core.planning.job_settings import JOB_ID, PREFIX
from master.core.planning.job_shape import JobShape, LeaveOneOut
from master.errors import ConfigError
from master.intake.job_checks import problems
from master.intake.job_ids import Unnamed, assign_ids, clashes, prefix_problem
from master.intake.participant_jobs import PARTICIPANT_JOBS
from master.intake.strict_json import Document, Node, parse_document, read_document
from master.intake.strict_yaml import Trail
from master.specs import EMPTY, BaseModelSpec, Config, JobSpec, JobsSpec

MOST_JOBS = 1_000_000
_KEYS = ("$schema", "defaults", "grid", "jobs", "base_model", "code_version")


Check = Callable[[Iterable[Config]], None]


@dataclass(frozen=True)
class _Entry:
    """One job as the file writes it, defaults and grid values filled in."""

    document: Document
    trail: Trail
    place: str
    fields: dict[str, Any]

    def error(self, field: str, problem: str) -> ConfigError:
        """Return the error about one field of this job."""
        return self.document.error((*self.trail, field), f"{shown(field)} {problem}", self.place)


def read_jobs(
    path: str | Path,
    *,
    code: str,
    known_ids: Mapping[str, str] = EMPTY,
    known_fields: Collection[str] | None = None,
    shape: JobShape = PARTICIPANT_JOBS,
    check: Check | None = None,
) -> JobsSpec:
    """Read a jobs file (JSON, or YAML by its ending).

    `code` identifies the training code unless the file pins `code_version`; `known_ids` (job_hash → job_id)
    are the names that earlier commands gave; `known_fields` are the flags of the script, if they are known;
    `shape` says what its fields mean; `check` sees the fields of all jobs before they are checked here, and
    may raise.  Raises ConfigError.
    """
    return _jobs(read_document(path), code, known_ids, known_fields, shape, check)


def parse_jobs(
    text: str,
    source: str = "jobs.json",
    *,
    code: str,
    known_ids: Mapping[str, str] = EMPTY,
    known_fields: Collection[str] | None = None,
    shape: JobShape = PARTICIPANT_JOBS,
) -> JobsSpec:
    """Read the text of a jobs file called `source`, as `read_jobs` does."""
    return _jobs(parse_document(text, source), code, known_ids, known_fields, shape)


def _jobs(
    document: Document,
    code: str,
    known_ids: Mapping[str, str],
    known_fields: Collection[str] | None,
    shape: JobShape,
    check: Check | None = None,
) -> JobsSpec:
    top = document.root
    if not isinstance(top.value, (list, dict)):
        top.fail("must be a list of jobs, or an object with `jobs` or `grid`")
    entries = list(_entries(document))
    if not entries:
        top.fail("there are no jobs: give at least one")
    if check:
        check(entry.fields for entry in entries)
    settings = top if isinstance(top.value, dict) else None
    rule = (settings and _rule(settings, entries, shape)) or NOTHING_SAID
    identity = _code(settings, code) if settings else code
    allowed = None if known_fields is None else frozenset(known_fields)
    unnamed = [_checked(entry, rule, shape, allowed) for entry in entries]
    _refuse_equal(entries, unnamed)
    ids = _ids(entries, unnamed, known_ids)
    named = zip(entries, unnamed, ids, strict=True)
    spec = _spec(document.source, named, shape, lambda config: base_model_of(config, identity, rule, shape))
    return replace(spec, says_of_base_models=_is_said(rule, shape, unnamed))


def _is_said(rule: BaseModelRule, shape: JobShape, jobs: Iterable[Unnamed]) -> bool:
    written = not shape.is_usual or any(shape.has_form(job.config) for job in jobs)
    return written or rule is not NOTHING_SAID


def _entries(document: Document) -> Iterator[_Entry]:
    top = document.root
    if isinstance(top.value, list):
        return iter(_written(top, top))
    top.only_keys(_KEYS)
    return _laid_out(top)


def _laid_out(top: Node) -> Iterator[_Entry]:
    defaults, grid, jobs = (top.get(key) for key in ("defaults", "grid", "jobs"))
    if jobs is None and grid is None:
        top.fail("there are no jobs: give `jobs`, `grid` or both")
    shared = defaults.as_object() if defaults else {}
    axes = _axes(grid) if grid else {}
    written = _written(top, jobs)
    points = math.prod(len(values) for values in axes.values())
    if points * len(written) > MOST_JOBS:
        (grid or top).fail(f"this spells out {points * len(written):,} jobs, allowed are {MOST_JOBS:,}")
    for entry in written:
        _refuse_overlap(entry, axes)
        for point, values in enumerate(itertools.product(*axes.values()), 1):
            place = ", ".join(filter(None, (entry.place, f"grid point {point}" if axes else "")))
            yield replace(
                entry, place=place, fields={**shared, **entry.fields, **dict(zip(axes, values, strict=True))}
            )


def _written(top: Node, jobs: Node | None) -> list[_Entry]:
    """Return the jobs as they stand in the file; without `jobs`, the empty one that the grid fills."""
    if jobs is None:
        return [_Entry(top.document, ("grid",), "", {})]
    return [_entry(job, f"job {number}") for number, job in enumerate(jobs.items(), 1)]


def _entry(job: Node, place: str) -> _Entry:
    if not isinstance(job.value, dict):
        raise job.document.error(job.trail, "must be an object with the job's fields", place)
    return _Entry(job.document, job.trail, place, job.value)


def _refuse_overlap(entry: _Entry, axes: Collection[str]) -> None:
    for name in entry.fields:
        if name in axes:
            raise entry.error(name, "is in `grid` as well: give it in one place")


def _axes(grid: Node) -> dict[str, list[Any]]:
    axes = dict(grid.members())
    for name, values in axes.items():
        if not values.as_list():
            values.fail(f"{shown(name)} has no values: give at least one")
    return {name: values.value for name, values in axes.items()}


def _code(top: Node, code: str) -> str:
    version = top.get("code_version")
    if version is None:
        return code
    return f"pinned:{version.value if type(version.value) is int else version.string()}"


def _rule(top: Node, entries: list[_Entry], shape: JobShape) -> BaseModelRule | None:
    """Return what the file says of base models, or None where it says nothing."""
    node = top.get("base_model")
    if node is None:
        return None
    if isinstance(node.value, bool):
        return BaseModelRule(needed=node.value)
    node.only_keys(("include", "exclude"))
    if len(node.value) != 1:
        node.fail("give `include` or `exclude`: one of them")
    include, exclude = (node.get(key) for key in ("include", "exclude"))
    return BaseModelRule(
        include=_declared(include, entries, shape.leave_one_out) if include else None,
        exclude=_declared(exclude, entries, None) if exclude else frozenset(),
    )


def _declared(node: Node, entries: list[_Entry], split: LeaveOneOut | None) -> frozenset[str]:
    """Return the field names in a `base_model` list, which must be fields of some job or come of them."""
    known = {name for entry in entries for name in entry.fields}
    if split and any(split.applies(entry.fields) for entry in entries):
        known.add(split.others)
    for item in node.items():
        name = item.string()
        if name not in known:
            item.fail(f"no job has the field {shown(name)}: {hint(name, known)}")
        if name.startswith("_") or name == JOB_ID.name:
            item.fail(f"{shown(name)} is never passed to the script, so it cannot identify a base model")
    return frozenset(node.value)


def _checked(
    entry: _Entry, rule: BaseModelRule, shape: JobShape, known_fields: frozenset[str] | None
) -> Unnamed:
    config = {name: value for name, value in entry.fields.items() if name != JOB_ID.name}
    for field, problem in problems(config, rule, shape, known_fields):
        raise entry.error(field, problem)
    given = entry.fields.get(JOB_ID.name)
    wrong = prefix_problem(config.get(PREFIX.name))
    if wrong:
        raise entry.error(PREFIX.name, wrong)
    wrong = JOB_ID.problem(given)
    if wrong:
        raise entry.error(JOB_ID.name, wrong)
    return Unnamed(config, job_hash_of(config, given), given)


def _refuse_equal(entries: list[_Entry], unnamed: list[Unnamed]) -> None:
    first: dict[str, _Entry] = {}
    for entry, job in zip(entries, unnamed, strict=True):
        before = first.setdefault(job.job_hash, entry)
        if before is not entry:
            problem = f"is equal to {before.place}: remove it, or give both an `id` to run them twice"
            raise entry.document.error(entry.trail, problem, entry.place)


def _ids(entries: list[_Entry], unnamed: list[Unnamed], known_ids: Mapping[str, str]) -> list[str]:
    ids = assign_ids(unnamed, known_ids)
    for index, other, problem in clashes(ids):
        raise entries[index].error(
            JOB_ID.name, f"cannot be {shown(ids[index])}: {entries[other].place} {problem}"
        )
    hashes = {job_id.lower(): job_hash for job_hash, job_id in known_ids.items()}
    for entry, job, job_id in zip(entries, unnamed, ids, strict=True):
        if hashes.get(job_id.lower(), job.job_hash) != job.job_hash:
            raise entry.error(JOB_ID.name, f"is {shown(job_id)}, which an earlier job with other fields has")
    return ids


def _spec(
    source: str,
    named: Iterable[tuple[_Entry, Unnamed, str]],
    shape: JobShape,
    base_model: Callable[[Config], BaseModelSpec | None],
) -> JobsSpec:
    base_models: dict[str, BaseModelSpec] = {}
    jobs = []
    for entry, job, job_id in named:
        base = base_model(job.config)
        if base is not None:
            base = base_models.setdefault(base.spec_hash, base)
        kind = shape.kind_of(job.config)
        jobs.append(JobSpec(job_id, job.job_hash, job.config, entry.place, base, kind))
    return JobsSpec(tuple(jobs), source, base_models)
