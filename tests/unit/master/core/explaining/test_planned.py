"""What a start had to do, kept and read again."""

from __future__ import annotations

import json

from master.core.explaining.planned import Planned, plan_record
from master.core.planning.plan import Job, Plan, base_model_job_id
from master.specs import BaseModelSpec

TRAINED, STORED = "a" * 32, "b" * 32
JOBS = (
    Job(base_model_job_id(TRAINED), phase=1, makes=TRAINED),
    Job("alpha/x", phase=2, needs=TRAINED),
    Job("alpha/y", phase=2, needs=STORED),
    Job("alpha/z", phase=2),
)


def test_jobs_come_back_in_their_order_with_what_they_start_from() -> None:
    base = BaseModelSpec(TRAINED, {"seed": 1, "code": "c"})
    record = plan_record(Plan(JOBS, {STORED: "content"}), {TRAINED: base})
    planned = Planned.of(json.loads(json.dumps(record)))
    assert tuple(planned.jobs.values()) == JOBS
    assert planned.base_models == {TRAINED: {"seed": 1, "code": "c"}, STORED: {}}
    assert planned.users == {TRAINED: 1, STORED: 1}


def test_a_plan_without_base_models_has_none() -> None:
    planned = Planned.of(plan_record(Plan(JOBS[3:], {}), {}))
    assert list(planned.jobs) == ["alpha/z"] and planned.base_models == {}
