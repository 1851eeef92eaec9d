"""Ids of jobs, and the folders of their results: from scripts' names and from what the user calls them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

PREFIX = "train_"
_LONGEST_ID = 100
_UNSAFE = re.compile(r"[^A-Za-z0-9._+=-]")
_UNSAFE_FIRST = re.compile(r"^[.-]+")
_DROPPED = str.maketrans({"'": "", "(": "", ")": "", "/": "_", "&": "and", " ": "_"})


def id_of(stem: str) -> str:
    """Return the job id for a script's name without `.py`: the same, made safe as a folder's name."""
    return _UNSAFE_FIRST.sub("_", _UNSAFE.sub("_", stem))[:_LONGEST_ID]


def id_of_name(name: str) -> str:
    """Return the job id for what the user calls a job, e.g. `alzheimers_disease` for Alzheimer's Disease."""
    return id_of(name.lower().translate(_DROPPED))


def short(job_id: str) -> str:
    """Return the id without `train_`, e.g. `als`, or `mri.model` for `mri.train_model`."""
    if job_id.startswith(PREFIX):
        return job_id.removeprefix(PREFIX) or job_id
    return job_id.replace(f".{PREFIX}", ".", 1)


def output_of(job_id: str) -> str:
    """Return the folder for the results of a job that does not name one."""
    return f"{short(job_id)}_results"


def ids_apart(scripts: Sequence[Path]) -> list[str]:
    """Return an id for each script: its stem, after as many of its folders as tell it from the others.

    `als/train_model.py` beside `mri/train_model.py` is `als.train_model`.
    """
    depth = max((len(path.parts) for path in scripts), default=1)
    ids = [""] * len(scripts)
    alike = list(range(len(scripts)))
    for taken in range(1, depth + 1):
        for index in alike:
            ids[index] = id_of(_last(scripts[index], taken))
        alike = _alike(ids, lambda job_id: job_id.lower())
    return _numbered(ids)


def _last(script: Path, count: int) -> str:
    parts = [part for part in script.with_suffix("").parts if part != script.anchor]
    return ".".join(parts[-count:])[-_LONGEST_ID:]


def _alike(ids: Sequence[str], key: Callable[[str], str]) -> list[int]:
    counts = Counter(map(key, ids))
    return [index for index, job_id in enumerate(ids) if counts[key(job_id)] > 1]


def _numbered(ids: Sequence[str]) -> list[str]:
    """Tell apart what folders do not, such as names that differ in case or in unsafe characters alone."""
    made: list[str] = []
    for job_id in ids:
        number, fresh = 1, job_id
        while fresh.lower() in (other.lower() for other in made):
            number += 1
            fresh = f"{job_id[: _LONGEST_ID - 5]}-{number}"
        made.append(fresh)
    return made
