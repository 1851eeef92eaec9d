"""Which jobs an order is about: named ones, patterns, and those that a filter finds."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from master.core.nearest import near, shown
from master.core.planning.value_texts import same_numbers
from master.errors import UsageError
from master.storage.journal_snapshot import open_snapshot
from master.verbs.common.run_directory import RunJobs, jobs_of, layout_of, named_job
from master.verbs.common.selection import Fields, Wish, select
from master.view.answers.states import STATES, counted

_MOST_COMPARED, _MOST_VALUES = 1000, 5


@dataclass(frozen=True)
class Aim:
    """The jobs of an order."""

    jobs: Sequence[str]
    only: Sequence[str]
    """States in which they must still be; empty for jobs that were named."""

    def order(self, **fields: Any) -> dict[str, Any]:
        """Return the fields of an order for the jobs."""
        return {"jobs": list(self.jobs), "only": list(self.only), **fields}


def aim(options: argparse.Namespace, fit: Collection[str]) -> Aim:
    """Return the jobs that the user's words mean; `fit` are the states in which the order means anything.

    Raises UsageError where they mean none.
    """
    if not (options.jobs or options.state or options.where):
        raise UsageError("which jobs? name them, or choose by --failed, --state, --where; '*' is all")
    with open_snapshot(layout_of(options.run).journal) as snapshot:
        run, fields = jobs_of(snapshot), snapshot.fields() if options.where else {}
    named = list(dict.fromkeys(job_id for word in options.jobs for job_id in _meant(word, run.jobs)))
    is_exact = not (options.state or options.where or any(map(_is_pattern, options.jobs)))
    if is_exact:
        return Aim(named, ())
    some = replace(run, jobs={job_id: run.jobs[job_id] for job_id in named}) if options.jobs else run
    only = tuple(options.state or (state for state in STATES if state in fit))
    found = select(some, fields, Wish(only, options.where), now=0.0)
    if not found:
        raise UsageError(_none_matches(some, fields, options, only))
    return Aim([item.job.job_id for item in found], only)


def _is_pattern(word: str) -> bool:
    return "*" in word or "?" in word


def _meant(word: str, jobs: Collection[str]) -> list[str]:
    """Return the jobs that a word names: one, or as many as its pattern."""
    if word in jobs or not _is_pattern(word):
        return [named_job(word, jobs)]
    # In ids brackets are nothing special.
    pattern = word.replace("[", "[[]")
    if found := [job_id for job_id in jobs if fnmatchcase(job_id, pattern)]:
        return found
    pattern = same_numbers(word).replace("[", "[[]")
    if found := [job_id for job_id in jobs if fnmatchcase(same_numbers(job_id), pattern)]:
        return found
    names = {same_numbers(job_id): job_id for job_id in list(jobs)[:_MOST_COMPARED]}
    alike = names.get(near(same_numbers(word), names, 0.3), "")
    raise UsageError(f"no job is like {shown(word)}" + (f": the nearest is {alike}" if alike else ""))


def _none_matches(run: RunJobs, fields: Fields, options: argparse.Namespace, only: Collection[str]) -> str:
    """Say that a filter finds nothing, and what there is."""
    for name, value in options.where:
        if not select(run, fields, Wish(None, [(name, value)]), now=0.0):
            return f"--where: no job has {name}={value}: {_values(name, value, fields)}"
    told = counted(Counter(run.standing(job_id).state for job_id in run.jobs))
    of = " of those" if options.where or options.jobs else ""
    return f"none{of} is {' or '.join(only)}: {told}"


def _values(name: str, value: Any, fields: Fields) -> str:
    known = {str(each[name]) for each in fields.values() if name in each}
    alike = near(str(value), known)
    if alike:
        return f"did you mean {name}={alike}?"
    some = sorted(known)[:_MOST_VALUES]
    return f"there is {', '.join(some)}{', …' if len(known) > len(some) else ''}"
