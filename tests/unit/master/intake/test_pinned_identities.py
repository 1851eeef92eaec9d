"""Hashes that users' stores and journals hold already: no release may give the same jobs others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from master.intake.jobs import parse_jobs

CASES: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent / "cases" / "pinned_identities.json").read_text()
)


@pytest.mark.parametrize("name", CASES)
def test_identities_do_not_change_between_releases(name: str) -> None:
    case = CASES[name]
    spec = parse_jobs(json.dumps(case["file"]), code=case["code"])
    found = [job.base_model.spec_hash if job.base_model else None for job in spec.jobs]
    assert found == case["spec_hashes"]
    assert [job.job_hash for job in spec.jobs] == case["job_hashes"]


@pytest.mark.parametrize("name", CASES)
def test_jobs_keep_the_ids_that_an_earlier_release_gave_them(name: str) -> None:
    case = CASES[name]
    known = dict(zip(case["job_hashes"], case["job_ids"], strict=True))
    spec = parse_jobs(json.dumps(case["file"]), code=case["code"], known_ids=known)
    assert [job.job_id for job in spec.jobs] == case["job_ids"]
