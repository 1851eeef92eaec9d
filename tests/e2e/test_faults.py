"""Runs over SSH workers that reboot, fall silent, are unplugged or join late lose and double nothing."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker
import pytest

from master.core.running.lifecycle import State, Trigger
from tests.e2e.cluster import Ledger, fresh_state, processes, server, wait_for
from tests.e2e.containers import Lab, Worker
from tests.support.runs import Run, search

pytestmark = pytest.mark.containers

LIMIT_S = 240


class Cluster:
    """Three workers for all tests of this module, and the ledger that they share."""

    def __init__(self, lab: Lab, ledger: Ledger) -> None:
        self.lab, self.ledger = lab, ledger
        names = {"worker-1": "worker", "worker-2": "worker", "worker-3": "other"}
        self.workers = [lab.start(name, user, ledger.volumes) for name, user in names.items()]
        for worker in self.workers:
            worker.wait_ready()

    def run(self, root: Path, workers: list[Worker], jobs: list[dict[str, Any]], **settings: Any) -> Run:
        """Return a run over some of the workers that begins a new page of the ledger."""
        config = {**self.lab.client.files, **fresh_state(), "env": self.ledger.open()}
        return Run(root, [server(worker, **settings) for worker in workers], jobs, cluster=config)


@pytest.fixture(scope="module")
def cluster(
    docker_engine: docker.DockerClient, worker_image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    directory = tmp_path_factory.mktemp("faults")
    # Workers have users of their own, who must be able to pass.
    for path in (directory, directory.parent):
        path.chmod(0o711)
    with Lab(docker_engine, worker_image, directory / "lab") as lab:
        yield Cluster(lab, Ledger(directory / "ledger"))


@pytest.fixture(autouse=True)
def mended(cluster: Cluster) -> Iterator[None]:
    """Leave no fault of a test that failed to the next one."""
    yield
    for worker in cluster.workers:
        worker.mend()


@contextmanager
def started(run: Run, *flags: str) -> Iterator[subprocess.Popen[str]]:
    """Yield the running command; it does not outlive the test."""
    with run.start(*flags) as master:
        try:
            yield master
        finally:
            master.kill()


def output_of(master: subprocess.Popen[str]) -> str:
    """Return what the command has written, once it has ended."""
    output, _ = master.communicate(timeout=LIMIT_S)
    return output


def running_on(run: Run) -> set[str | None]:
    """Return the workers on which an attempt runs."""
    last = {item.job_id: item for item in run.transitions()}
    return {item.worker for item in last.values() if item.state is State.RUNNING}


def wait_until(run: Run, trigger: Trigger, jobs: int, *, phase: int = 0) -> None:
    """Return when so many jobs, of one phase if given, went through a transition."""

    def enough() -> bool:
        names = [name for name in run.count(trigger) if _in_phase(name, phase)]
        return len(names) >= jobs

    wait_for(f"{trigger.value} of {jobs} jobs", enough)


def _in_phase(job_id: str, phase: int) -> bool:
    return not phase or job_id.startswith("base_models/") == (phase == 1)


def check_trained_once(run: Run, ledger: Ledger) -> None:
    """Assert that no base model was trained twice to its end, by what the jobs themselves say."""
    models = {name: count for name, count in ledger.ends().items() if name.startswith("base_models/")}
    assert len(models) == 3 and set(models.values()) == {1}, models


def test_a_reboot_a_minute_unplugged_and_a_frozen_worker_cost_no_result(
    cluster: Cluster, tmp_path: Path
) -> None:
    rebooted, unplugged, frozen = cluster.workers
    run = cluster.run(tmp_path, cluster.workers, search(base_seconds=4, seconds=2), cpu_slots=1)
    log = tmp_path / "run.log"
    with started(run, "--log-file", str(log)) as master:
        wait_for("a base model on each worker", lambda: len(running_on(run)) == 3)
        rebooted.kill()
        unplugged.disconnect()
        frozen.pause()
        since = time.monotonic()
        rebooted.restart()
        wait_for("an experiment on the rebooted worker", lambda: len(run.count(Trigger.COLLECT)) >= 2)
        wait_for("another", lambda: rebooted.name in running_on(run))
        rebooted.kill()
        rebooted.restart()
        wait_for("the silent link to be noticed", lambda: "worker-3: not connected" in log.read_text())
        wait_for("25 s of silence", lambda: time.monotonic() - since > 25)
        frozen.unpause()
        wait_for("a minute without network", lambda: time.monotonic() - since > 60, seconds=90)
        unplugged.reconnect()
        output = output_of(master)
    assert master.returncode == 0, output
    assert "worker-3: not connected, will try again: silent for 20 s" in output
    run.check_complete(jobs=15, base_models=3)
    check_trained_once(run, cluster.ledger)
    assert len(cluster.ledger.ends()) == 18
    lost = [item.worker for item in run.transitions() if item.trigger is Trigger.LOSE]
    assert lost == ["worker-1", "worker-1"], output


@pytest.mark.parametrize("phase", [1, 2])
def test_a_killed_master_is_followed_by_one_that_adopts_what_runs(
    cluster: Cluster, tmp_path: Path, phase: int
) -> None:
    run = cluster.run(tmp_path, cluster.workers, search(base_seconds=3 if phase == 1 else 0, seconds=1.5))
    with started(run) as master:
        if phase == 1:
            wait_until(run, Trigger.START, 3)
        else:
            wait_until(run, Trigger.COLLECT, 3, phase=2)
        master.kill()
        output_of(master)
    assert len(run.count(Trigger.COLLECT)) < 18
    done = run.finish(timeout_s=LIMIT_S)
    assert done.returncode == 0, done.stdout + done.stderr
    run.check_complete(jobs=15, base_models=3)
    assert set(cluster.ledger.ends().values()) == {1}
    assert set(run.count(Trigger.ASSIGN).values()) == {1}, "attempts still running were not adopted"


def test_the_first_interrupt_lets_running_jobs_finish(cluster: Cluster, tmp_path: Path) -> None:
    run = cluster.run(tmp_path, cluster.workers, search(seconds=1))
    with started(run) as master:
        wait_until(run, Trigger.COLLECT, 2, phase=2)
        master.send_signal(signal.SIGINT)
        output = output_of(master)
    assert master.returncode == 130, output
    states = set(run.states().values())
    assert not states & {State.RUNNING, State.COLLECTING, State.CANCELLED}, output
    assert states & {State.READY, State.PENDING}, output
    assert [processes(worker, "train_contract.py") for worker in cluster.workers] == [[], [], []]
    assert run.finish(timeout_s=LIMIT_S).returncode == 0
    run.check_complete(jobs=15, base_models=3)
    assert set(cluster.ledger.ends().values()) == {1}


def test_the_second_interrupt_leaves_no_process_of_a_job(cluster: Cluster, tmp_path: Path) -> None:
    run = cluster.run(tmp_path, cluster.workers, search(seconds=600))
    log = tmp_path / "run.log"
    with started(run, "--log-file", str(log)) as master:
        wait_until(run, Trigger.START, 6, phase=2)
        assert all(processes(worker, "train_contract.py") for worker in cluster.workers)
        master.send_signal(signal.SIGINT)
        wait_for("what a second Ctrl-C does", lambda: "again to cancel" in log.read_text())
        master.send_signal(signal.SIGINT)
        output = output_of(master)
    assert master.returncode == 130, output
    assert [processes(worker, "train_contract.py") for worker in cluster.workers] == [[], [], []]
    assert list(run.states().values()).count(State.CANCELLED) == 6, output


def test_a_worker_that_is_down_at_the_start_joins_when_it_is_up(cluster: Cluster, tmp_path: Path) -> None:
    early, late, _ = cluster.workers
    late.kill()
    run = cluster.run(tmp_path, [early, late], search(seconds=1.5), cpu_slots=1)
    with started(run) as master:
        wait_until(run, Trigger.COLLECT, 2)
        late.restart()
        output = output_of(master)
    assert master.returncode == 0, output
    run.check_complete(jobs=15, base_models=3)
    assert {item.worker for item in run.transitions() if item.trigger is Trigger.COLLECT} == {
        "worker-1",
        "worker-2",
    }, output
    assert "worker-2: not connected, will try again" in output
