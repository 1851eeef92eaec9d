"""Names for jobs: each is also the path of the job's result below `experiments/`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from master.core.nearest import literal, shown
from master.core.planning.identity import HASH_DIGITS
from master.core.planning.job_settings import DEFAULT_PREFIX, PREFIX
from master.core.planning.plan import BASE_MODELS
from master.intake.participant_jobs import FOLD, target_of
from master.specs import Config

_UNSAFE = re.compile(r"[^A-Za-z0-9._+=-]")
_LONGEST_DERIVED = 60
_SUFFIX_DIGITS = (8, 16, HASH_DIGITS)


@dataclass(frozen=True)
class Unnamed:
    """A job that needs an id."""

    config: Config
    job_hash: str
    given_id: str | None = None

    @property
    def wanted(self) -> str:
        """The id it has where nothing else wants the same."""
        return f"{prefix_of(self.config)}/{self.given_id or _derived_name(self.config)}"


def prefix_problem(value: Any) -> str:
    """Say what is wrong with a `prefix`: a relative path of safe segments, not below the base models."""
    problem = PREFIX.problem(value)
    if not problem and value is not None and value.split("/")[0].lower() == BASE_MODELS:
        return f"is {literal(value)}, but {BASE_MODELS} is where base models are kept"
    return problem


def prefix_of(config: Config) -> str:
    """Return the folder of a job's result."""
    prefix = config.get(PREFIX.name)
    return DEFAULT_PREFIX if prefix is None else str(prefix)


def assign_ids(jobs: Sequence[Unnamed], known_ids: Mapping[str, str]) -> list[str]:
    """Return an id for each job, in order.

    A job whose hash is in `known_ids` (job_hash → job_id) keeps that id.  An id that the user gave stands.
    A derived name that anything else has too, but for case, gets the first digits of the job's hash.
    """
    fixed = [known_ids.get(job.job_hash) or (job.wanted if job.given_id else None) for job in jobs]
    taken = Counter(name.lower() for name in {*known_ids.values(), *filter(None, fixed)})
    taken.update(job.wanted.lower() for job, name in zip(jobs, fixed, strict=True) if name is None)
    ids = [name or job.wanted for job, name in zip(jobs, fixed, strict=True)]
    crowded = [i for i, name in enumerate(fixed) if name is None and taken[ids[i].lower()] > 1]
    for digits in _SUFFIX_DIGITS:
        for i in crowded:
            ids[i] = f"{jobs[i].wanted}-{jobs[i].job_hash[:digits]}"
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


def _derived_name(config: Config) -> str:
    target = target_of(config)
    if target is None:
        return "job"
    return f"fold{config[FOLD]}_{_UNSAFE.sub('_', target)}"[:_LONGEST_DERIVED]
