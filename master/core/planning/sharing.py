"""What to say where no two jobs share a base model: how they would."""

from __future__ import annotations

import json
from collections.abc import Sequence

from master.core.planning.job_settings import NOT_IDENTIFYING
from master.core.planning.varying import varying
from master.specs import Config, JobsSpec
from worker_agent.protocol.script_contract import BASE_MODEL_DIR

_SPLIT = "fold"
"""A hint must not lead folds to share: each would be tested on what the other's was trained on."""


def sharing_note(jobs: JobsSpec) -> str:
    """Say how jobs would share base models; "" where they do, cannot or are not meant to."""
    if len(jobs.jobs) < 2:
        return ""
    needing = sum(job.base_model is not None for job in jobs.jobs)
    if not needing:
        return "" if jobs.says_of_base_models else _none_asked_for(jobs)
    shared = jobs.starts or needing != len(jobs.base_models)
    return "" if shared else _each_its_own()


def _none_asked_for(jobs: JobsSpec) -> str:
    left_out = _may_be_left_out(jobs)
    if not left_out:
        return ""
    rule = json.dumps({"exclude": [left_out]})
    return (
        f'Nothing is shared. To share, put "base_model": {rule} in a jobs file; the script must write it in'
        f" Phase 1 to {BASE_MODEL_DIR} and start from it in Phase 2 (docs/script_contract.md)"
    )


def _may_be_left_out(jobs: JobsSpec) -> str:
    """Return a field without which some jobs are alike, though not all of them; "" where there is none."""
    configs = [job.config for job in jobs.jobs]
    names = [name for name in varying(configs) if name not in NOT_IDENTIFYING and not name.startswith("_")]
    if len(names) < 2:
        return ""
    return next((name for name in names if name != _SPLIT and _shares(configs, names, name)), "")


def _shares(configs: Sequence[Config], names: Sequence[str], left_out: str) -> bool:
    seen = set()
    for config in configs:
        rest = tuple(repr(config.get(name)) for name in names if name != left_out)
        if rest in seen:
            return True
        seen.add(rest)
    return False


def _each_its_own() -> str:
    return (
        "Nothing is shared: each base model is for one job. To share, leave out what it does not depend on:"
        ' "base_model": {"exclude": ["FIELD"]} in the jobs file; analyze_jobs names the fields that differ'
        " (docs/jobs.md)"
    )
