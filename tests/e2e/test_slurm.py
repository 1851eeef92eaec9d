"""Whole runs on a Slurm behind a login host: real SSH, munge, control groups, and users without rights."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from master.core.running.lifecycle import Trigger
from tests.e2e.cluster import fresh_state, processes, server, wait_for
from tests.e2e.containers import Worker
from tests.e2e.slurm_cluster import SlurmCluster
from tests.e2e.slurm_faults import endure
from tests.support.needs import missing
from tests.support.runs import Run, going_on, search

pytestmark = [pytest.mark.containers, pytest.mark.slurm, pytest.mark.timeout(200)]
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


def run_of(cluster: SlurmCluster, root: Path, jobs: Any, **more: Any) -> Run:
    """Return a run on the seats of a pool and on what `more` adds to the cluster config."""
    return Run(root, [], jobs, cluster={"pools": [cluster.pool()], **cluster.lab.client.files, **more})


def agents(cluster: SlurmCluster, plain: Worker) -> set[str]:
    """Return the machines that an agent serves on, the login host among them where one should do so."""
    places = {line.partition(":")[0] for line in cluster.processes(OURS) if " serve " in line}
    return places | ({plain.name} if processes(plain, OURS) else set())


def test_the_search_on_two_seats_and_a_worker_of_the_plain_kind_leaves_nothing(
    slurm_cluster: SlurmCluster, worker_image: str, tmp_path: Path
) -> None:
    plain = slurm_cluster.lab.start("plain", image=worker_image)
    plain.wait_ready()
    plain.put("/home/worker/.bashrc", b"export TWOPHASE_AGENT_IDLE_S=2\n")
    before = slurm_cluster.submissions()
    servers = [server(plain, cpu_slots=1, **fresh_state())]
    run = run_of(slurm_cluster, tmp_path, search(seconds=0.7), servers=servers)
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


def test_a_controller_away_a_login_host_that_boots_and_a_killed_master_lose_and_double_nothing(
    slurm_cluster: SlurmCluster, tmp_path: Path
) -> None:
    """`scripts/slurm_faults` does the same with a minute without a controller."""
    assert endure(slurm_cluster, tmp_path, away_s=4.0).endswith("4 jobs in one try each, 2 submissions")
