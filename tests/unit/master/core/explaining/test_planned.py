"""What a start had to do, kept and read again."""

from __future__ import annotations

import json

from master.core.explaining.planned import Planned, plan_record
from master.core.planning.identity import PARENT_FIELD
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


def test_rungs_are_told_apart_from_what_starts_from_a_parent() -> None:
    low = BaseModelSpec(
        "1" * 32, {"epochs": 10, PARENT_FIELD: STORED}, parent=BaseModelSpec(STORED, {}), rung=10
    )
    high = BaseModelSpec(
        "2" * 32, {"epochs": 20, PARENT_FIELD: STORED}, parent=low.parent, rung=20, lower=low
    )
    trainings = (
        Job(base_model_job_id(low.spec_hash), phase=1, needs=STORED, makes=low.spec_hash),
        Job(
            base_model_job_id(high.spec_hash),
            phase=1,
            needs=low.spec_hash,
            makes=high.spec_hash,
            resumes=True,
        ),
    )
    plan = Plan((*trainings, Job("alpha/x", phase=2, needs=high.spec_hash)), {STORED: "content"})
    bases = {base.spec_hash: base for base in high.lineage}
    planned = Planned.of(json.loads(json.dumps(plan_record(plan, bases))))
    assert tuple(planned.jobs.values()) == plan.jobs
    assert planned.start_of(high.spec_hash) == {"parent": None, "resumes_from": low.spec_hash}
    assert planned.start_of(low.spec_hash) == {"parent": STORED, "resumes_from": None}
    assert planned.users == {STORED: 1, low.spec_hash: 1, high.spec_hash: 1}
    assert planned.trainings == {STORED: 1, low.spec_hash: 0, high.spec_hash: 1}


def test_generations_keep_their_names_and_what_they_start_from() -> None:
    root = BaseModelSpec(TRAINED, {"seed": 1}, stage="everyone")
    child = BaseModelSpec(STORED, {"site": 1}, parent=root, stage="site")
    trainings = (
        Job(base_model_job_id(TRAINED), phase=1, makes=TRAINED, stage="everyone"),
        Job(base_model_job_id(STORED), phase=1, needs=TRAINED, makes=STORED, stage="site"),
    )
    plan = Plan((*trainings, JOBS[2]), {})
    planned = Planned.of(json.loads(json.dumps(plan_record(plan, {TRAINED: root, STORED: child}))))
    assert tuple(planned.jobs.values()) == plan.jobs
    assert planned.stages == {TRAINED: "everyone", STORED: "site"} and planned.starts == {STORED: TRAINED}
