"""How long a job took, takes, or has waited."""

from __future__ import annotations

import pytest

from master.core.explaining.standing import Standing
from master.core.planning.plan import Job
from master.verbs.common.selection import Selected

JOB = Job("alpha/x", phase=2)


@pytest.mark.parametrize(
    ("standing", "seconds"),
    [
        (Standing(), None),
        (Standing("ready", since=90.0), 10.0),
        (Standing("running", since=99.0, started_at=40.0), 60.0),
        (Standing("running", since=120.0, started_at=120.0), 0.0),
        (Standing("cancelled", since=50.0), None),
    ],
)
def test_seconds_are_of_the_attempt_or_of_the_state(standing: Standing, seconds: float | None) -> None:
    assert Selected(JOB, standing, {}, now=100.0).seconds == seconds
