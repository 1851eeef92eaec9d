"""What workers may ask for, and what they are told to start."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from master.code.snapshot import Program
from master.core.planning.plan import make_plan
from master.core.running import events as ev
from master.core.running.policy import Policy
from master.core.running.records import RunState
from master.core.running.run_state import begin, step
from master.intake.cluster import parse_cluster
from master.intake.jobs import parse_jobs
from master.runs.control.job_inputs import JobInputs
from master.runs.launching import launch_message
from master.runs.library import make_library, synced_data
from master.runs.parts import make_launcher
from master.runs.script_jobs import job_configs
from master.runs.spec import Code, Start
from master.specs import ClusterSpec, JobsSpec
from master.storage.base_model_store import BaseModelStore
from master.storage.library import Library
from master.storage.run_layout import RunLayout
from tests.support.rosters import roster_of
from worker_agent.protocol.digests import content_hash, digest_directory
from worker_agent.protocol.messages import Launch

PEOPLE = {"participants": ["p1", "p2"], "lr": 0.1}


def cluster_of(folder: Path, **settings: Any) -> ClusterSpec:
    servers = [{"host": "lab1", "gpus": 2, "user": "bob"}, {"host": "localhost", "gpus": 0, "cpu_slots": 1}]
    return parse_cluster(json.dumps({"servers": servers, **settings}), str(folder / "cluster.json"))


def jobs_of(*fields: dict[str, Any]) -> JobsSpec:
    return parse_jobs(json.dumps([{**PEOPLE, **each} for each in fields]), code="x")


class Scripts:
    """Jobs with a script that was copied already."""

    def __init__(self, jobs: JobsSpec, directory: Path) -> None:
        self._configs = job_configs(jobs)
        self._program = Program(("{python}", "train.py"), directory, "c" * 64)

    def take(self, _: RunLayout) -> Code:
        return Code({"c" * 64: self._program.directory}, self._launch)

    def _launch(self, start: Start) -> Launch:
        return launch_message(start, self._configs[start.record.job.job_id], self._program)


def test_data_is_hashed_once_and_only_for_other_machines(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x").write_text("1")
    cluster = cluster_of(tmp_path, data={"a": {"sync": "data"}, "b": "/scratch"})
    found = content_hash(digest_directory(tmp_path / "data"))
    assert synced_data(cluster) == {str(tmp_path / "data"): found}
    alone = ClusterSpec(tuple(server for server in cluster.servers if server.is_local))
    assert synced_data(alone) == {}


def started(tmp_path: Path, cluster: ClusterSpec, jobs: JobsSpec, held: dict[str, str]) -> RunState:
    state = RunState.fresh(make_plan(jobs, held), Policy(), [server.name for server in cluster.servers])
    begin(state, 0.0)
    step(state, ev.WorkerUp(0.0, "lab1", 2))
    return state


def test_a_launch_names_what_the_attempt_was_given(tmp_path: Path) -> None:
    cluster, jobs = cluster_of(tmp_path, data={"a": "/scratch/a"}), jobs_of({"fold": 0, "timeout": 9})
    (spec_hash,) = jobs.base_models
    state = started(tmp_path, cluster, jobs, {spec_hash: "b" * 64})
    library = Library(names={"b" * 64: "cnn"})
    work = Scripts(jobs, tmp_path)
    roster = roster_of(cluster, synced_data(cluster))
    launch_of = make_launcher(
        roster, work.take(RunLayout(tmp_path)), state, library, JobInputs(RunLayout(tmp_path), library)
    )
    # In the same breath the base model turns out to be damaged: the launch must still be sayable.
    step(state, ev.BaseModelDamaged(1.0, spec_hash))
    message = launch_of("alpha/fold0_p1", 1, "lab1")
    assert (message.base_model_hash, message.base_model, message.timeout_s) == (spec_hash, "b" * 64, 9.0)
    assert [mount.at for mount in message.mounts] == ["", "a", "experiments/base_models/cnn"]


def test_base_models_are_trained_by_generated_jobs(tmp_path: Path) -> None:
    jobs = jobs_of({"fold": 0, "target_batch_pct": 0.5, "mode": "full_fine_tuning"}, {"fold": 1})
    configs = job_configs(jobs)
    assert len(configs) == 4
    (spec_hash, _) = jobs.base_models
    generated = configs[f"base_models/{spec_hash}"]
    assert (generated["mode"], generated["fold"]) == ("base_only", 0)


def test_the_library_holds_code_data_and_base_models(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    cluster = cluster_of(tmp_path, data={"a": {"sync": "data"}})
    layout, code = RunLayout(tmp_path), {"c" * 64: tmp_path / "code"}
    whole = {"5" * 32: {"content_hash": "b" * 64, "name": "cnn"}, "6" * 32: {"content_hash": "d" * 64}}
    library = make_library(code, synced_data(cluster), whole, BaseModelStore(layout))
    assert library.paths == {
        "c" * 64: tmp_path / "code",
        content_hash([]): tmp_path / "data",
        "b" * 64: layout.base_model("5" * 32),
        "d" * 64: layout.base_model("6" * 32),
    }
    assert library.base_models == {"b" * 64: "5" * 32, "d" * 64: "6" * 32}
    assert library.names == {"b" * 64: "cnn"}
