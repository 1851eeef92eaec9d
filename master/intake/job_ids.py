"""Names for jobs: each is also the path of the job's result below `experiments/`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from master.core.nearest import literal, shown
from master.core.planning.id_template import filled, is_template
from master.core.planning.identity import HASH_DIGITS
from master.core.planning.job_settings import DEFAULT_PREFIX, PREFIX
from master.core.planning.plan import BASE_MODELS
from master.core.planning.readable_names import LONGEST_NAME, nameable, naming_fields, readable_name
from master.core.planning.value_texts import safe
from master.errors import ConfigError
from master.intake.participant_jobs import FOLD, PARTICIPANTS, target_of
from master.specs import Config

_TARGET_FIELDS = frozenset({FOLD, PARTICIPANTS})
_LONGEST_TARGET = 60
_LONGEST_ID = 240
"""With the prefix: an attempt's directory has the id in its name, and no name may have 256 bytes."""
_SUFFIX_DIGITS = (8, 16, HASH_DIGITS)


class IdTaken(ConfigError):
    """An id that an earlier job of the run has, which had other fields."""

    def __init__(self, found: ConfigError, job_id: str, config: Config) -> None:
        self.job_id, self.config = job_id, config
        super().__init__(found.source, found.place, found.problem)


@dataclass(frozen=True)
class Unnamed:
    """A job that needs an id."""

    config: Config
    job_hash: str
    given_id: str | None = None
    """What its user calls it; maybe a template."""
    name: str = "job"
    """What it is called below its prefix where nothing else wants the same."""
    is_fixed: bool = False
    """Whether it has this name or none."""
    swept: frozenset[str] = frozenset()
    """Fields that are part of its name also where all jobs have one value of them."""

    @property
    def wanted(self) -> str:
        """The id it has where nothing else wants the same."""
        return f"{prefix_of(self.config)}/{self.name}"

    def with_hash(self, digits: int) -> str:
        """Return the id with the first digits of its hash, no longer than ids may be."""
        room = _room(self.config) - digits - 1
        folder, slash, last = self.name.rpartition("/")
        return f"{prefix_of(self.config)}/{folder}{slash}{last[:room]}-{self.job_hash[:digits]}"


def _room(config: Config) -> int:
    """Return how long the last part of an id may be."""
    return max(LONGEST_NAME // 2, min(LONGEST_NAME, _LONGEST_ID - len(prefix_of(config)) - 1))


def with_names(jobs: Sequence[Unnamed]) -> list[Unnamed]:
    """Return the jobs with the names that their users, or the fields of sweeps and those that differ, give.

    Jobs of one prefix, and of one target, are told apart.  Raises KeyError as `filled`.
    """
    groups: dict[tuple[str, str], list[Config]] = {}
    for job in jobs:
        if job.given_id is None:
            groups.setdefault(_group_of(job.config), []).append(job.config)
    fields = {group: naming_fields(configs, _not_named(group[1])) for group, configs in groups.items()}
    return [_named(job, fields.get(_group_of(job.config), frozenset())) for job in jobs]


def _not_named(target: str) -> frozenset[str]:
    """Return the fields that the name of a target tells already."""
    return _TARGET_FIELDS if target else frozenset()


def _group_of(config: Config) -> tuple[str, str]:
    return prefix_of(config), _target_name(config)


def _named(job: Unnamed, fields: frozenset[str]) -> Unnamed:
    if job.given_id is None:
        fields |= nameable(job.swept, _not_named(_target_name(job.config)))
        return replace(job, name=_cut(_derived_name(job.config, fields), job.config))
    if not is_template(job.given_id):
        return replace(job, name=job.given_id, is_fixed=True)
    name = filled(job.given_id, job.config)
    short = _cut(name, job.config)
    return replace(job, name=short, is_fixed=short == name)


def _cut(name: str, config: Config) -> str:
    folder, slash, last = name.rpartition("/")
    return f"{folder}{slash}{last[: _room(config)]}"


def template_results(jobs: Sequence[Unnamed]) -> Iterator[tuple[int, int, str]]:
    """Yield (job, other job, the result) for templates with equal results."""
    first: dict[str, int] = {}
    for index, job in enumerate(jobs):
        if is_template(job.given_id):
            name = f"{prefix_of(job.config)}/{filled(str(job.given_id), job.config)}"
            other = first.setdefault(name.lower(), index)
            if other != index:
                yield index, other, name


def prefix_problem(value: Any) -> str:
    """Say what is wrong with a `prefix`: a relative path of safe segments, not below the base models."""
    problem = PREFIX.problem(value)
    if not problem and value is not None and value.split("/")[0].lower() == BASE_MODELS:
        return f"is {literal(value)}, but {BASE_MODELS} is where base models are kept"
    return problem


def prefix_of(config: Config) -> str:
    """Return the folder of a job's result; a prefix that is no folder is its script's own word."""
    prefix = config.get(PREFIX.name)
    return DEFAULT_PREFIX if prefix is None or prefix_problem(prefix) else str(prefix)


def assign_ids(jobs: Sequence[Unnamed], known_ids: Mapping[str, str]) -> list[str]:
    """Return an id for each job, in order.

    A job whose hash is in `known_ids` (job_hash → job_id) keeps that id.  A fixed name stands.
    A derived name that anything else has too, but for case, gets the first digits of the job's hash.
    """
    fixed = [known_ids.get(job.job_hash) or (job.wanted if job.is_fixed else None) for job in jobs]
    taken = Counter(name.lower() for name in {*known_ids.values(), *filter(None, fixed)})
    taken.update(job.wanted.lower() for job, name in zip(jobs, fixed, strict=True) if name is None)
    ids = [name or job.wanted for job, name in zip(jobs, fixed, strict=True)]
    crowded = [i for i, name in enumerate(fixed) if name is None and taken[ids[i].lower()] > 1]
    for digits in _SUFFIX_DIGITS:
        for i in crowded:
            ids[i] = jobs[i].with_hash(digits)
        seen = Counter(name.lower() for name in ids)
        crowded = [i for i in crowded if seen[ids[i].lower()] > 1]
    return ids


def clashes(ids: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    """Yield (job, other job, what is wrong) for ids that cannot live in one folder tree."""
    first: dict[str, int] = {}
    for index, job_id in enumerate(ids):
        other = first.setdefault(job_id.lower(), index)
        if other != index:
            only_case = "" if job_id == ids[other] else ", which differs only by case"
            yield index, other, f"has the id {shown(ids[other])}{only_case}"
    for index, job_id in enumerate(ids):
        for parent in _parents(job_id.lower()):
            if parent in first:
                yield (
                    index,
                    first[parent],
                    f"has the id {shown(ids[first[parent]])}, a folder around this job",
                )


def _parents(job_id: str) -> Iterator[str]:
    parts = job_id.split("/")
    return ("/".join(parts[:count]) for count in range(1, len(parts)))


def _derived_name(config: Config, fields: frozenset[str]) -> str:
    return "_".join(filter(None, (_target_name(config), readable_name(config, fields)))) or "job"


def _target_name(config: Config) -> str:
    target = target_of(config)
    return "" if target is None else f"fold{config[FOLD]}_{safe(target)}"[:_LONGEST_TARGET]
