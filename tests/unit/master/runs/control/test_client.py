"""What is given to a running master, before it is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from master.errors import NoMaster, UsageError
from master.runs.control.client import add_jobs
from master.storage.run_layout import RunLayout


@pytest.mark.parametrize(
    ("jobs", "says"),
    [
        ([{"lr": {1}}], "the jobs: .*set.*: give text, numbers, lists and objects alone"),
        (({"lr": rate} for rate in (1, 2)), "the jobs: .*generator"),
        ([{"name": "x" * (65 << 20)}], "the jobs are 65 MB, at most 64 are taken at once: add them in parts"),
    ],
)
def test_jobs_that_no_request_can_hold_are_the_users_mistake(jobs: Any, says: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=says):
        add_jobs(RunLayout(tmp_path), {"jobs": jobs})


def test_other_jobs_need_a_master(tmp_path: Path) -> None:
    with pytest.raises(NoMaster):
        add_jobs(RunLayout(tmp_path), {"jobs": [{"lr": 1}]})
