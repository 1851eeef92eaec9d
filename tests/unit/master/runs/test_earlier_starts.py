"""What becomes of base models that are damaged when a run begins, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from master.core.planning.plan import make_plan
from master.core.running.lifecycle import State
from master.core.running.policy import Policy
from master.core.running.recovery import recover
from master.runs.earlier_starts import Damaged
from master.runs.spec import RunSpec
from master.storage.base_model_store import BaseModelStore
from master.storage.run_layout import RunLayout
from tests.support.courier_world import SHA
from tests.unit.master.runs.test_run import CLUSTER, Work, jobs_spec


@pytest.mark.parametrize(
    ("manifest", "done", "said", "sought"),
    [
        (True, False, "rotten; it is fetched from a worker that has it whole, or trained again", True),
        (False, False, "rotten; moved to {aside}, it is trained again", False),
        (True, True, "rotten; moved to {aside}, no job needs it any more", False),
    ],
)
def test_only_what_is_needed_and_known_is_looked_for(
    tmp_path: Path, manifest: bool, done: bool, said: str, sought: bool
) -> None:
    layout, jobs = RunLayout(tmp_path), jobs_spec(1, 1)
    (spec_hash,) = jobs.base_models
    layout.base_model(spec_hash).mkdir(parents=True)
    in_store = {spec_hash: {"content_hash": SHA}} if manifest else {}
    plan = make_plan(jobs, dict.fromkeys(in_store, SHA))
    spec = RunSpec(layout, CLUSTER, plan, Work(), Policy(), jobs, in_store, {spec_hash: "rotten"})
    state = recover(plan, spec.policy, ["lab1"], ())
    if done:
        for record in state.jobs.values():
            record.state = State.SUCCEEDED
    damaged = Damaged(spec, state, BaseModelStore(layout), spec_hash, "rotten")
    text = damaged.said()
    aside = next(layout.set_aside("x").parent.glob("*"), None)
    assert (text, damaged.is_sought) == (said.format(aside=aside), sought)
    assert layout.base_model(spec_hash).exists() is sought
    assert damaged.content_hash == (SHA if manifest else "")
