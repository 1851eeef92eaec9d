"""Whole runs on a Slurm behind a login host: real SSH, munge, control groups, and users without rights."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from master.core.explaining.health import Health
from master.core.running.lifecycle import Trigger
from tests.e2e.cluster import fresh_state, processes, server, wait_for
from tests.e2e.containers import Worker
from tests.e2e.slurm_cluster import SlurmCluster
from tests.e2e.slurm_faults import endure, stepping
from tests.support.needs import missing
from tests.support.runs import Run, going_on, interrupt_twice, search
from tests.support.slurm_storm import check

pytestmark = [pytest.mark.containers, pytest.mark.slurm, pytest.mark.timeout(200)]
BROKEN, DOUBTFUL = Health.BROKEN.value, Health.DOUBTFUL.value
NEIGHBOUR = ("sbatch", "--parsable", "--chdir=/", "--output=/dev/null", "--nodes=2", "--ntasks-per-node=1")
OURS = "/state-"
"""In the command line of every process of ours, by where the pools of these tests keep what is theirs."""


@pytest.fixture(scope="module")
def neighbour(slurm_cluster: SlurmCluster) -> str:
    """The allocation of another user, who has a core of each node."""
    words = (*NEIGHBOUR, "--wrap", "srun sleep 3600")
    return slurm_cluster.as_user(*words, user="other")


@pytest.fixture(autouse=True)
def tidy(slurm_cluster: SlurmCluster, neighbour: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Look at the queue often; when a test ends nothing of ours is there, and the neighbour's goes on."""
    monkeypatch.setenv("TWOPHASE_QUEUE_LOOK_S", "0.5")
    yield
    try:
        wait_for("the end of all allocations", lambda: not slurm_cluster.jobs(), 30)
        wait_for("the end of all processes", lambda: not slurm_cluster.processes(OURS), 30)
        assert slurm_cluster.jobs("other") == {neighbour: "RUNNING"}
    finally:
        slurm_cluster.as_user("scancel", "--user=worker")


def test_control_groups_hold_an_allocation_and_end_all_that_came_from_it(slurm_cluster: SlurmCluster) -> None:
    """What the other tests rely on; where an engine forbids it they run with less, which this one tells."""
    if slurm_cluster.unconstrained:
        missing(slurm_cluster.unconstrained)
    script = "grep Cpus_allowed_list /proc/self/status; head -c1 /dev/fakegpu0 | wc -c; setsid sleep 777 &"
    without = slurm_cluster.as_user("srun", "--quiet", "sh", "-c", script)
    with_one = slurm_cluster.as_user("srun", "--quiet", "--gres=gpu:1", "sh", "-c", script)
    assert [re.split(r"\s+", out)[1:] for out in (without, with_one)] == [["1", "0"], ["1", "1"]]
    wait_for("the end of what hid itself", lambda: not slurm_cluster.processes("sleep 777"), 20)


@pytest.fixture(scope="module")
def plain(slurm_cluster: SlurmCluster, worker_image: str) -> Worker:
    """A worker of the plain kind, whose agents end soon when they have nothing to do."""
    worker = slurm_cluster.lab.start("plain", image=worker_image)
    worker.wait_ready()
    worker.put("/home/worker/.bashrc", b"export TWOPHASE_AGENT_IDLE_S=2\n")
    return worker


def run_of(cluster: SlurmCluster, root: Path, jobs: Any, **more: Any) -> Run:
    """Return a run on the seats of a pool and on what `more` adds to the cluster config."""
    return Run(root, [], jobs, cluster={"pools": [cluster.pool()], **cluster.lab.client.files, **more})


def agents(cluster: SlurmCluster, plain: Worker) -> set[str]:
    """Return the machines that an agent serves on, the login host among them where one should do so."""
    places = {line.partition(":")[0] for line in cluster.processes(OURS) if " serve " in line}
    return places | ({plain.name} if processes(plain, OURS) else set())


def test_the_search_on_two_seats_and_a_worker_of_the_plain_kind_leaves_nothing(
    slurm_cluster: SlurmCluster, plain: Worker, tmp_path: Path
) -> None:
    before = slurm_cluster.submissions()
    servers = [server(plain, cpu_slots=1, **fresh_state())]
    run = run_of(slurm_cluster, tmp_path, search(seconds=3.0), servers=servers)
    with going_on(run) as master:
        wait_for("an agent on each", lambda: agents(slurm_cluster, plain) == {"n1", "n2", "plain"})
        said, _ = master.communicate(timeout=150)
        assert master.returncode == 0, said
    run.check_complete(jobs=15, base_models=3)
    used = {item.worker for item in run.transitions() if item.trigger is Trigger.START}
    assert used == {"plain", "hpc.1", "hpc.2"}
    wait_for("the end of the allocations", lambda: not slurm_cluster.jobs(), 30)
    wait_for("the end of all agents", lambda: not agents(slurm_cluster, plain), 30)
    new = slurm_cluster.submissions() - before
    assert sorted(new.values()) == [1, 1], new


def test_seats_are_reached_by_the_login_hosts_own_ssh_where_it_may_log_in(
    slurm_cluster: SlurmCluster, tmp_path: Path
) -> None:
    slurm_cluster.allow_logins()
    run = stepping(slurm_cluster, tmp_path, 2, 0.5, reach="ssh")
    with going_on(run) as master:
        wait_for("a login to a node", lambda: slurm_cluster.processes("ssh -T"))
        assert not slurm_cluster.steps()
        said, _ = master.communicate(timeout=90)
        assert master.returncode == 0, said
    check(run, 2)


def bad_pools(cluster: SlurmCluster) -> dict[str, tuple[dict[str, Any], str, str]]:
    """Return pools with a mistake each, by name: the pool, what health it has, and what is said of it."""
    missing_kind = ["--gres=gpu:a100:1"]
    theirs = ["--partition=physics", "--account=nope"]
    away, greeted = {"state_dir": "/var/tmp/state"}, {"slurm": "login-other", "state_dir": "/srv/other/state"}
    return {
        "partition": (cluster.pool(options=["--partition=nope"]), BROKEN, "there is no partition nope"),
        "kind": (cluster.pool(options=missing_kind), BROKEN, "its nodes have gpu:fake:1"),
        "gres": (cluster.pool(options=["--gres=tpu:1"]), BROKEN, "the GPU type is not there"),
        "account": (cluster.pool(options=theirs), BROKEN, "the account is not there, or may not use"),
        "time": (cluster.pool(options=["--partition=short"]), BROKEN, "partition short gives at most 1 min"),
        "sbatch": (cluster.pool(slurm="plain"), BROKEN, "plain has no `sbatch`"),
        "shell": (cluster.pool(**greeted), BROKEN, "the shell's startup files there print text"),
        "home": (cluster.pool(**away), DOUBTFUL, "a disk of the login host's own"),
        "scratch": (
            cluster.pool(work_dir="/var/tmp/work"),
            DOUBTFUL,
            "`work_dir` lies on a disk of the login host's own (overlayfs)",
        ),
        "off": (cluster.pool(options=["--account=nope"]), DOUBTFUL, "takes any `--account` and checks none"),
    }


def test_mistakes_in_pools_are_said_by_doctor_and_plan_and_nothing_is_submitted(
    slurm_cluster: SlurmCluster, plain: Worker, tmp_path: Path
) -> None:
    slurm_cluster.lab.also(slurm_cluster.login, "other")
    slurm_cluster.login.exec(["sh", "-c", "echo echo Welcome >/srv/other/.bashrc"], user="other")
    bad = bad_pools(slurm_cluster)
    pools = [{**pool, "name": name} for name, (pool, _, _) in bad.items()]
    run = run_of(slurm_cluster, tmp_path, search(), pools=pools)
    before = slurm_cluster.submissions()
    config = str(tmp_path / "cluster.json")
    doctor = [sys.executable, "-m", "twophase", "doctor", "--cluster-config", config, "--json"]
    told = json.loads(subprocess.run(doctor, env=run.environ(), stdout=subprocess.PIPE, check=False).stdout)
    plan = run.finish("--dry-run").stdout
    found = {each["worker"]: each for each in told["workers"]}
    for name, (_, health, says) in bad.items():
        assert found[name]["health"] == health, found[name]
        assert any(says in f"{each['says']} {each['cure']}" for each in found[name]["findings"]), found[name]
        assert any(name in line.partition(":")[0] and says in line for line in plan.splitlines()), plan
    assert not slurm_cluster.jobs() and slurm_cluster.submissions() == before


def test_a_state_directory_that_nodes_do_not_have_is_named_when_the_first_allocation_fails(
    slurm_cluster: SlurmCluster, tmp_path: Path
) -> None:
    away = slurm_cluster.pool(state_dir="/var/tmp/state-away", seats=1)
    run = run_of(slurm_cluster, tmp_path, search(), pools=[away])
    with going_on(run) as master:
        assert master.stdout is not None
        line = next(line for line in master.stdout if "its allocation is over" in line)
        assert "does `state_dir` /var/tmp/state-away lie on a disk that nodes share?" in line
        interrupt_twice(master)


def test_a_controller_away_a_login_host_that_boots_and_a_killed_master_lose_and_double_nothing(
    slurm_cluster: SlurmCluster, tmp_path: Path
) -> None:
    """`scripts/slurm_faults` does the same with a minute without a controller."""
    assert endure(slurm_cluster, tmp_path, away_s=4.0).endswith("4 jobs in one try each, 2 submissions")
