"""What to say where no two jobs share a base model: that it is so, and how they would."""

from __future__ import annotations

import json

from master.specs import JobsSpec

_EXAMPLES = 2
_HOW = "docs/jobs.md tells how jobs share base models"


def sharing_note(jobs: JobsSpec) -> str:
    """Say that no two jobs share a base model, and how they would; "" where they do or are not meant to."""
    if len(jobs.jobs) < 2:
        return ""
    needing = sum(job.base_model is not None for job in jobs.jobs)
    if not needing:
        return "" if jobs.says_of_base_models else _none_asked_for(jobs)
    return _each_its_own() if needing == len(jobs.base_models) else ""


def _none_asked_for(jobs: JobsSpec) -> str:
    names = [name for name in jobs.jobs[0].config if not name.startswith("_")][:_EXAMPLES] or ["FIELD"]
    return (
        "No base models, and nothing is shared: every job trains all by itself. Where jobs begin with the"
        " same training, name the fields that it depends on in the jobs file, such as"
        f' "base_model": {{"include": {json.dumps(names)}}}; {_HOW}.'
    )


def _each_its_own() -> str:
    return (
        "Nothing is shared: every job that starts from a base model has one of its own. What base models do"
        ' not depend on need not tell them apart: "base_model": {"exclude": ["FIELD"]} in the jobs file;'
        f" analyze_jobs names the fields that do, and {_HOW}."
    )
