"""What of the store trainings go on from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from master.core.planning.plan import make_plan
from master.core.running.orders.of_jobs import AddJobs
from master.intake.jobs import parse_jobs
from master.runs.resuming.at_home import climbed
from master.runs.spec import MoreJobs
from master.specs import JobsSpec
from master.storage.base_model_store import BaseModelStore, make_manifest
from master.storage.run_layout import RunLayout
from worker_agent.protocol.digests import content_hash, digest_directory
from worker_agent.protocol.outcome import BaseModelLeft


def jobs(*epochs: int, **more: Any) -> JobsSpec:
    resume = {"resume": {"field": "epochs", "exact": True}}
    return parse_jobs(
        json.dumps({"grid": {"epochs": list(epochs)}, "base_model": True, **resume, **more}), code="c"
    )


def put(store: BaseModelStore, tmp_path: Path, spec: JobsSpec, **told: Any) -> None:
    """Have the base models of jobs in a store."""
    for base in spec.base_models.values():
        staged = tmp_path / f"staged-{base.rung}"
        staged.mkdir()
        (staged / "model.pt").write_text(str(base.rung))
        files = list(digest_directory(staged))
        made = BaseModelLeft(content_hash(files), files)
        store.add(staged, make_manifest(base.spec_hash, base.config, made, **{"keeps_state": True, **told}))


def lower(spec: JobsSpec, rung: int) -> int | None:
    (base,) = (each for each in spec.base_models.values() if each.rung == rung)
    return base.lower.rung if base.lower else None


def test_the_highest_rung_that_is_whole_is_gone_on_from(tmp_path: Path) -> None:
    store = BaseModelStore(RunLayout(tmp_path / "run"))
    put(store, tmp_path, jobs(10, 20))
    found = climbed(jobs(40), store, {})
    assert lower(found.jobs, 40) == 20 and [each["config"]["epochs"] for each in found.found.values()] == [20]
    (twenty,) = found.found
    (store.path(twenty) / "model.pt").write_text("damaged")
    found = climbed(jobs(40), store, {})
    assert lower(found.jobs, 40) == 10
    plan = make_plan(found.jobs, {name: each["content_hash"] for name, each in found.found.items()})
    (note,) = found.notes(plan)
    assert "model.pt not as in the manifest: no training goes on from it" in note
    assert len(plan.to_train) == 1 and len(plan.in_store) == 1


def test_of_other_fields_and_without_state_none_is(tmp_path: Path) -> None:
    store = BaseModelStore(RunLayout(tmp_path / "run"))
    put(store, tmp_path, jobs(10), keeps_state=False)
    put(store, tmp_path, jobs(20, defaults={"lr": 1}))
    found = climbed(jobs(40), store, {})
    assert lower(found.jobs, 40) is None and not found.found
    (note,) = found.notes(make_plan(found.jobs, {}))
    assert "epochs 10 is in the store without the state" in note


def test_without_rungs_the_store_is_not_read(tmp_path: Path) -> None:
    plain = jobs(1, resume=None)
    found = climbed(plain, BaseModelStore(RunLayout(tmp_path / "none")), {})
    assert found.jobs is plain and [*found.notes(make_plan(plain, {}))] == []


def test_jobs_of_an_addition_are_linked_alike(tmp_path: Path) -> None:
    store = BaseModelStore(RunLayout(tmp_path / "run"))
    put(store, tmp_path, jobs(10))
    more = climbed(jobs(40), store, {}).of_addition(MoreJobs(AddJobs(), jobs(20)))
    assert lower(more.jobs, 20) == 10 and more.work is None
