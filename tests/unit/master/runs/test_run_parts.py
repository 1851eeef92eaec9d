"""A run is put together from what the user gave."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from master.adapters.local_session import LocalSession
from master.adapters.ssh_session import SshSession
from master.code.snapshot import Program
from master.core.planning.plan import make_plan
from master.core.running import events as ev
from master.core.running.records import Policy, RunState
from master.core.running.run_state import begin, step
from master.errors import ConfigError, UsageError
from master.intake.cluster import parse_cluster
from master.intake.jobs import parse_jobs
from master.runs import run_parts
from master.specs import ClusterSpec, JobsSpec, ServerSpec
from master.storage.base_model_store import BaseModelStore
from master.storage.run_layout import RunLayout
from master.transfers.library import Library
from worker_agent.protocol.digests import content_hash, digest_directory

PEOPLE = {"participants": ["p1", "p2"], "lr": 0.1}


def cluster_of(folder: Path, **settings: Any) -> ClusterSpec:
    servers = [{"host": "lab1", "gpus": 2, "user": "bob"}, {"host": "localhost", "gpus": 0, "cpu_slots": 1}]
    return parse_cluster(json.dumps({"servers": servers, **settings}), str(folder / "cluster.json"))


def jobs_of(*fields: dict[str, Any]) -> JobsSpec:
    return parse_jobs(json.dumps([{**PEOPLE, **each} for each in fields]), code="x")


def ingredients(tmp_path: Path, cluster: ClusterSpec, jobs: JobsSpec) -> run_parts.Ingredients:
    program = Program(("{python}", "train.py"), tmp_path / "code", "c" * 64)
    synced = run_parts.synced_data(cluster)
    return run_parts.Ingredients(cluster, jobs, program, RunLayout(tmp_path), "run", 3, synced)


def test_this_machine_needs_no_ssh(tmp_path: Path) -> None:
    cluster = cluster_of(tmp_path)
    remote, local = (run_parts.open_session(server, cluster) for server in cluster.servers)
    assert isinstance(remote, SshSession) and isinstance(local, LocalSession)
    assert (remote.host, local.host) == ("lab1", "localhost")


@pytest.mark.parametrize(
    ("python", "host", "command"),
    [
        (None, "lab1", "python3"),
        (None, "localhost", sys.executable),
        ("~/env/bin/python", "lab1", "./env/bin/python"),
        ("/opt/python", "localhost", "/opt/python"),
    ],
)
def test_the_interpreter_is_a_command_in_the_home_directory(
    python: str | None, host: str, command: str
) -> None:
    assert run_parts.python_of(ServerSpec(host, host, python=python)) == command


def test_paths_on_the_head_node_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    for name in ("home/windows", "data"):
        (tmp_path / name).mkdir(parents=True)
    data = {"a": {"sync": "~/windows"}, "b": {"sync": "data"}, "c": "~/on/the/worker"}
    cluster = cluster_of(Path(), data=data, script_path="~/train.py")
    found = run_parts.with_head_paths(cluster, "cluster.json")
    assert [item.path for item in found.servers[0].data] == [
        *(str(tmp_path / "home" / "windows"), str(tmp_path / "data"), "~/on/the/worker")
    ]
    assert found.script_path == str(tmp_path / "home" / "train.py")


@pytest.mark.parametrize("path", ["gone", "file"])
def test_data_that_is_not_there_is_named(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").touch()
    cluster = cluster_of(tmp_path, data={"data/a": {"sync": path}})
    with pytest.raises(ConfigError, match=rf"cluster\.json: data\.data/a: .*/{path} is no directory of this"):
        run_parts.with_head_paths(cluster, "cluster.json")


def test_a_home_that_nobody_has_is_named(tmp_path: Path) -> None:
    cluster = cluster_of(tmp_path, script_path="~nobody-of-this-name/train.py")
    with pytest.raises(ConfigError, match="there is no such home directory"):
        run_parts.with_head_paths(cluster, "cluster.json")


def test_data_is_hashed_once_and_only_for_other_machines(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x").write_text("1")
    cluster = cluster_of(tmp_path, data={"a": {"sync": "data"}, "b": "/scratch"})
    found = content_hash(digest_directory(tmp_path / "data"))
    assert run_parts.synced_data(cluster) == {str(tmp_path / "data"): found}
    alone = ClusterSpec(tuple(server for server in cluster.servers if server.is_local))
    assert run_parts.synced_data(alone) == {}


def test_one_master_at_a_time(tmp_path: Path) -> None:
    layout = RunLayout(tmp_path / "run")
    with run_parts.exclusive(layout):
        with (
            pytest.raises(UsageError, match=r"another run_two_phase is working in .*process \d+ on .* since"),
            run_parts.exclusive(layout),
        ):
            raise AssertionError("both got in")
        assert layout.lock.read_text().startswith("process ")
    with run_parts.exclusive(layout):
        assert len(layout.lock.read_text().splitlines()) == 1
    assert layout.state.stat().st_mode & 0o077 == 0


def test_a_run_directory_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").touch()
    with (
        pytest.raises(UsageError, match=r"--run-dir .*Not a directory"),
        run_parts.exclusive(RunLayout(tmp_path / "run")),
    ):
        raise AssertionError("it got in")


def test_each_worker_gets_its_own_run_and_settings(tmp_path: Path) -> None:
    cluster = cluster_of(tmp_path, state_dir="/s p/x; rm -rf ~", env={"OMP_NUM_THREADS": "1"})
    links = run_parts.make_links(ingredients(tmp_path, cluster, jobs_of({"fold": 0})), SimpleQueue())
    hellos = [links[server.name]._greeting.hello for server in cluster.servers]
    assert [hello.epoch for hello in hellos] == [3, 3]
    assert len({hello.run_id for hello in hellos}) == 2
    assert hellos[0].settings["gpus"] == ["0", "1"]
    assert hellos[1].settings["cpu_slots"] == 1
    assert hellos[0].settings["env"] == {"OMP_NUM_THREADS": "1"}


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
    launch_of = run_parts.make_launcher(ingredients(tmp_path, cluster, jobs), state, library)
    # In the same breath the base model turns out to be damaged: the launch must still be sayable.
    step(state, ev.BaseModelDamaged(1.0, spec_hash))
    message = launch_of("alpha/fold0_p1", 1, "lab1")
    assert (message.base_model_hash, message.base_model, message.timeout_s) == (spec_hash, "b" * 64, 9.0)
    assert [mount["at"] for mount in message.mounts] == ["", "a", "experiments/base_models/cnn"]


def test_base_models_are_trained_by_generated_jobs(tmp_path: Path) -> None:
    jobs = jobs_of({"fold": 0, "target_batch_pct": 0.5, "mode": "full_fine_tuning"}, {"fold": 1})
    configs = run_parts.job_configs(jobs)
    assert len(configs) == 4
    (spec_hash, _) = jobs.base_models
    generated = configs[f"base_models/{spec_hash}"]
    assert (generated["mode"], generated["fold"]) == ("base_only", 0)


def test_the_library_holds_code_data_and_base_models(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    cluster = cluster_of(tmp_path, data={"a": {"sync": "data"}})
    parts = ingredients(tmp_path, cluster, jobs_of({"fold": 0}))
    whole = {"5" * 32: {"content_hash": "b" * 64, "name": "cnn"}, "6" * 32: {"content_hash": "d" * 64}}
    store = BaseModelStore(parts.layout)
    library = run_parts.make_library(parts, whole, store)
    assert library.paths == {
        "c" * 64: tmp_path / "code",
        content_hash([]): tmp_path / "data",
        "b" * 64: parts.layout.base_model("5" * 32),
        "d" * 64: parts.layout.base_model("6" * 32),
    }
    assert library.base_models == {"b" * 64: "5" * 32, "d" * 64: "6" * 32}
    assert library.names == {"b" * 64: "cnn"}
