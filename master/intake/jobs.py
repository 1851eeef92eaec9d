"""Reads the jobs file into frozen specs.  `docs/jobs.md` describes the file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from master.core.flags.booleans import as_switched
from master.core.flags.declared import NOTHING_KNOWN, ScriptFlags, Takes
from master.core.nearest import hint, shown
from master.core.planning.generations.lineages import Stages, lineage_of
from master.core.planning.generations.rungs import with_rungs
from master.core.planning.id_template import filled, is_template, missing_problem, name_problem
from master.core.planning.identity import (
    DEFAULT_RULE,
    NOTHING_SAID,
    BaseModelRule,
    base_model_of,
    job_hash_of,
)
from master.core.planning.job_settings import JOB_ID, PREFIX
from master.core.planning.job_shape import JobShape, LeaveOneOut
from master.core.planning.readable_names import differing, nameable
from master.intake.job_checks import problems
from master.intake.job_ids import (
    IdTaken,
    Unnamed,
    assign_ids,
    clashes,
    prefix_problem,
    template_results,
    with_names,
)
from master.intake.lineages.reading import STAGES, read_lineage
from master.intake.lineages.resuming import RESUME, check_rungs, read_resume
from master.intake.participant_jobs import PARTICIPANT_JOBS, has_our_words
from master.intake.pruning.reading import PRUNE, contests, read_prune
from master.intake.strict_json import Document, Node, parse_document, read_document
from master.intake.sweeps.entry import Entry
from master.intake.sweeps.expansion import BASE_MODEL, GROUP_KEYS, expanded
from master.specs import EMPTY, BaseModelSpec, Config, JobSpec, JobsSpec

_KEYS = ("$schema", *GROUP_KEYS, BASE_MODEL, STAGES, RESUME, PRUNE, "code_version")

Check = Callable[[Iterable[Config]], None]
Given = str | Path | Document | Node
"""A jobs file, what flags say in place of one, or the part of a file that holds jobs."""


def read_jobs(
    given: Given,
    *,
    code: str,
    known_ids: Mapping[str, str] = EMPTY,
    script: ScriptFlags = NOTHING_KNOWN,
    shape: JobShape = PARTICIPANT_JOBS,
    check: Check | None = None,
) -> JobsSpec:
    """Read a jobs file (JSON, or YAML by its ending), or what flags say in place of one.

    `code` identifies the training code unless the file pins `code_version`; `known_ids` (job_hash → job_id)
    are the names that earlier commands gave; `script` is what the script takes, as far as it is known;
    `shape` says what its fields mean; `check` sees the fields of all jobs before they are checked here, and
    may raise.  Raises ConfigError.
    """
    if not isinstance(given, Node):
        given = (given if isinstance(given, Document) else read_document(given)).root
    return _jobs(given, code, known_ids, script, shape, check)


def parse_jobs(
    text: str,
    source: str = "jobs.json",
    *,
    code: str,
    known_ids: Mapping[str, str] = EMPTY,
    script: ScriptFlags = NOTHING_KNOWN,
    shape: JobShape = PARTICIPANT_JOBS,
) -> JobsSpec:
    """Read the text of a jobs file called `source`, as `read_jobs` does."""
    return _jobs(parse_document(text, source).root, code, known_ids, script, shape)


def _jobs(
    top: Node,
    code: str,
    known_ids: Mapping[str, str],
    script: ScriptFlags,
    shape: JobShape,
    check: Check | None = None,
) -> JobsSpec:
    if not isinstance(top.value, (list, dict)):
        top.fail("must be a list of jobs, or an object with `jobs`, `grid`, `zip` or `sample`")
    entries = _entries(top)
    if not entries:
        top.fail("there are no jobs: give at least one")
    if check:
        check(entry.fields for entry in entries)
    settings = top if isinstance(top.value, dict) else None
    stages = settings and _stages(settings, entries, shape)
    rule = DEFAULT_RULE if stages else (settings and _rule(settings, entries, shape)) or NOTHING_SAID
    identity = _code(settings, code) if settings else code
    unnamed = [_checked(entry, rule, shape, script) for entry in entries]
    _refuse_equal(entries, unnamed)
    ids = _ids(entries, _named(entries, unnamed), known_ids)
    named = zip(entries, unnamed, ids, strict=True)

    def base_model(config: Config) -> BaseModelSpec | None:
        if stages:
            return lineage_of(config, identity, stages, shape)
        return base_model_of(config, identity, rule, shape)

    rungs = settings and read_resume(settings, entries, shape)
    spec = _spec(top.document.source, named, shape, base_model)
    if settings and rungs:
        check_rungs(settings, entries, spec.jobs, rungs)
        spec = with_rungs(spec, rungs)
    asked_for = nameable({name for entry in entries for name in entry.asked_for})
    spec = replace(spec, says_of_base_models=_is_said(rule, shape, unnamed), asked_for=asked_for)
    prune = settings and read_prune(settings, [entry.fields for entry in entries])
    return replace(spec, jobs=contests(spec.jobs, prune), prune=prune) if prune else spec


def _is_said(rule: BaseModelRule, shape: JobShape, jobs: Iterable[Unnamed]) -> bool:
    written = not shape.is_usual or any(shape.has_form(job.config) for job in jobs)
    return written or rule is not NOTHING_SAID


def _entries(top: Node) -> list[Entry]:
    over = top.document.over.root if top.document.over else None
    if isinstance(top.value, dict) and top.document.has_lines:
        top.only_keys(_KEYS)
    return expanded(top, over)


def _code(top: Node, code: str) -> str:
    version = top.get("code_version")
    if version is None:
        return code
    return f"pinned:{version.value if type(version.value) is int else version.string()}"


def _rule(top: Node, entries: list[Entry], shape: JobShape) -> BaseModelRule | None:
    """Return what the file says of base models, or None where it says nothing."""
    node = top.get(BASE_MODEL)
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


def _stages(top: Node, entries: list[Entry], shape: JobShape) -> Stages | None:
    """Return the generations of base models that a file tells of, or None."""
    node, rule = top.get(STAGES), top.get(BASE_MODEL)
    if node is None:
        return None
    if rule is not None:
        rule.fail(f"`{STAGES}` say what identifies base models: leave `{BASE_MODEL}` out")
    return read_lineage(node, [entry.fields for entry in entries], shape)


def _declared(node: Node, entries: list[Entry], split: LeaveOneOut | None) -> frozenset[str]:
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


def _checked(entry: Entry, rule: BaseModelRule, shape: JobShape, script: ScriptFlags) -> Unnamed:
    config = {
        name: _meant(name, value, script) for name, value in entry.fields.items() if name != JOB_ID.name
    }
    for field, problem in problems(config, rule, shape, script):
        raise entry.error(field, problem)
    given = entry.fields.get(JOB_ID.name)
    wrong = prefix_problem(config.get(PREFIX.name))
    if wrong and (has_our_words(config, shape) or script.find(PREFIX.name) is None):
        raise entry.error(PREFIX.name, wrong)
    wrong = JOB_ID.problem(given)
    if wrong:
        raise entry.error(JOB_ID.name, wrong)
    # A template is no part of what a job is: another one renames no job that has run.
    job_hash = job_hash_of(config, None if is_template(given) else given)
    return Unnamed(config, job_hash, given, swept=entry.swept)


def _meant(name: str, value: Any, script: ScriptFlags) -> Any:
    """Return a field's value as its flag means it."""
    if isinstance(value, str) and (flag := script.find(name)) and flag.takes is Takes.NOTHING:
        return as_switched(value)
    return value


def _refuse_equal(entries: list[Entry], unnamed: list[Unnamed]) -> None:
    first: dict[str, Entry] = {}
    for entry, job in zip(entries, unnamed, strict=True):
        before = first.setdefault(job.job_hash, entry)
        if before is not entry:
            problem = f"is equal to {before.place}: remove it, or give both an `id` to run them twice"
            raise entry.document.error(entry.trail, problem, entry.place)


def _named(entries: list[Entry], unnamed: list[Unnamed]) -> list[Unnamed]:
    """Return the jobs with their names.  Raises ConfigError for a template that does not name each once."""
    for entry, job in zip(entries, unnamed, strict=True):
        if not is_template(job.given_id):
            continue
        try:
            wrong = name_problem(filled(str(job.given_id), job.config))
        except KeyError as error:
            wrong = missing_problem(str(error.args[0]), {name for each in unnamed for name in each.config})
        if wrong:
            raise entry.error(JOB_ID.name, wrong)
    for index, other, name in template_results(unnamed):
        fields = ", ".join(
            f"{{{field}}}" for field in differing(unnamed[index].config, unnamed[other].config)
        )
        problem = f"makes {shown(name)} of {entries[other].place}, too: add {fields}, in which they differ"
        raise entries[index].error(JOB_ID.name, problem)
    return with_names(unnamed)


def _template_advice(job: Unnamed, other: Unnamed) -> str:
    """Say how jobs of a sweep that have all one `id` get one each; "" for any others."""
    if job.given_id is None or job.given_id != other.given_id or is_template(job.given_id):
        return ""
    fields = differing(other.config, job.config)
    return f"; in a sweep make it a template, such as {job.given_id}-{{{fields[0]}}}" if fields else ""


def _ids(entries: list[Entry], unnamed: list[Unnamed], known_ids: Mapping[str, str]) -> list[str]:
    ids = assign_ids(unnamed, known_ids)
    for index, other, problem in clashes(ids):
        advice = _template_advice(unnamed[index], unnamed[other])
        raise entries[index].error(
            JOB_ID.name, f"cannot be {shown(ids[index])}: {entries[other].place} {problem}{advice}"
        )
    hashes = {job_id.lower(): job_hash for job_hash, job_id in known_ids.items()}
    for entry, job, job_id in zip(entries, unnamed, ids, strict=True):
        if hashes.get(job_id.lower(), job.job_hash) != job.job_hash:
            found = entry.error(
                JOB_ID.name, f"is {shown(job_id)}, which an earlier job with other fields has"
            )
            raise IdTaken(found, job_id, job.config)
    return ids


def _spec(
    source: str,
    named: Iterable[tuple[Entry, Unnamed, str]],
    shape: JobShape,
    base_model: Callable[[Config], BaseModelSpec | None],
) -> JobsSpec:
    base_models: dict[str, BaseModelSpec] = {}
    jobs = []
    for entry, job, job_id in named:
        base = base_model(job.config)
        if base is not None and base.spec_hash not in base_models:
            for each in base.lineage:
                base_models.setdefault(each.spec_hash, each)
        base = base and base_models[base.spec_hash]
        kind = shape.kind_of(job.config)
        jobs.append(JobSpec(job_id, job.job_hash, job.config, entry.place, base, kind))
    return JobsSpec(tuple(jobs), source, base_models)
