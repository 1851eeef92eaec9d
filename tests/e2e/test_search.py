"""The 15-job search over three SSH workers: each base model trained once, sent only where it is missing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from examples import batch_composition
from master.core.running.lifecycle import Trigger
from tests.e2e.cluster import Transfers, fresh_state, server
from tests.e2e.containers import Lab, Worker
from tests.support.generations import check_generations, generations
from tests.support.runs import ROOT, SCRIPTS, Run, search

pytestmark = pytest.mark.containers


@pytest.fixture(scope="module")
def cluster(
    docker_engine: docker.DockerClient, worker_image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Lab, list[Worker]]]:
    """Three workers for all tests of this module; the third has another user, home directory and port."""
    directory = tmp_path_factory.mktemp("search") / "lab"
    with Lab(docker_engine, worker_image, directory) as lab:
        workers = [lab.start("worker-1"), lab.start("worker-2"), lab.start("worker-3", user="other")]
        for worker in workers:
            worker.wait_ready()
        yield lab, workers


def servers_of(workers: list[Worker], **settings: Any) -> list[dict[str, Any]]:
    """Return two servers by their aliases, the third by address, user, port and key."""
    *first, third = workers
    plain = server(third, host=third.host, user=third.user, port=third.port, ssh_key=str(third.key))
    return [{**entry, **settings} for entry in (*map(server, first), plain)]


def check_base_models_sent(run: Run, transfers: Transfers) -> None:
    """Assert that each base model was sent once to each worker that used it and had not made it."""
    made_on = {job["spec_hash"]: job["worker"] for job in _jobs(run.layout.phase1_log)}
    uses = {(job["spec_hash"], job["worker"]) for job in _jobs(run.layout.phase2_log)}
    needed = {(spec_hash, worker) for spec_hash, worker in uses if made_on[spec_hash] != worker}
    assert Counter(transfers.sent_base_models()) == Counter(needed)


def _jobs(log: Path) -> list[dict[str, Any]]:
    return list(json.loads(log.read_text())["jobs"])


def check_trained_once(run: Run) -> None:
    """Assert that no job had more than one attempt."""
    for trigger in (Trigger.ASSIGN, Trigger.FINISH, Trigger.COLLECT):
        assert set(run.count(trigger).values()) == {1}, trigger


def test_a_script_trains_each_base_model_once_and_pulls_only_what_is_missing(
    cluster: tuple[Lab, list[Worker]], tmp_path: Path
) -> None:
    lab, workers = cluster
    transfers = Transfers(tmp_path / "bin")
    config = {**lab.client.files, **fresh_state()}
    run = Run(tmp_path / "run", servers_of(workers), search(seconds=0.3), cluster=config, env=transfers.env)
    done = run.finish()
    assert done.returncode == 0, done.stdout + done.stderr
    run.check_complete(jobs=15, base_models=3)
    check_trained_once(run)
    check_base_models_sent(run, transfers)
    assert {job["worker"] for job in _jobs(run.layout.phase2_log)} == {"worker-1", "worker-2", "127.0.0.1"}


def test_a_script_that_knows_nothing_of_us_runs_unchanged_on_workers(
    cluster: tuple[Lab, list[Worker]], tmp_path: Path
) -> None:
    lab, workers = cluster
    transfers = Transfers(tmp_path / "bin")
    jobs = search(lr=0.001, batch_size=32, use_augmentation=True, magnitude_range=[0.9, 1.1])
    config = {**lab.client.files, **fresh_state()}
    script = SCRIPTS / "train_legacy.py"
    run = Run(tmp_path / "run", servers_of(workers), jobs, script, config, transfers.env)
    done = run.finish()
    assert done.returncode == 0, done.stdout + done.stderr
    run.check_complete(jobs=15, base_models=3)
    check_trained_once(run)
    check_base_models_sent(run, transfers)
    metrics = json.loads((run.layout.result("batch_comp_90/fold2_carl") / "metrics.json").read_text())
    assert metrics["from"] == "weights of anna bert dora"


@pytest.mark.timeout(600)
def test_the_personalization_trainer_searches_batch_compositions_on_synced_data(
    cluster: tuple[Lab, list[Worker]], tmp_path: Path
) -> None:
    lab, workers = cluster
    transfers = Transfers(tmp_path / "bin")
    make_digits(tmp_path / "digits")
    jobs = batch_composition.jobs("data/digits", batch_composition.PARTICIPANTS)
    jobs = [{**job, "epochs": 2, "no_plots": True} for job in jobs]
    config = {
        **lab.client.files,
        **fresh_state(),
        "python": workers[0].python,
        "env": {"OMP_NUM_THREADS": "1"},
        "data": {"data/digits": {"sync": str(tmp_path / "digits")}},
    }
    servers = servers_of(workers, cpu_slots=1)
    run = Run(tmp_path / "run", servers, jobs, None, config, transfers.env)
    done = run.finish("--trainer", "personalization", timeout_s=560)
    assert done.returncode == 0, done.stdout + done.stderr
    run.check_complete(jobs=15, base_models=3)
    check_trained_once(run)
    check_base_models_sent(run, transfers)
    metrics = json.loads((run.layout.result("batch_comp_50/fold1_p02") / "metrics.json").read_text())
    assert metrics["best_target_model_target_test_accuracy"] > 0.5


def make_digits(folder: Path) -> None:
    """Write participants as the example does."""
    script = ROOT / "examples" / "digits_participants.py"
    subprocess.run([sys.executable, str(script), "--output", str(folder)], check=True, timeout=120)


def test_eight_jobs_at_once_on_a_worker_share_one_transfer_of_their_base_model(
    cluster: tuple[Lab, list[Worker]], tmp_path: Path
) -> None:
    lab, (first, second, _) = cluster
    transfers = Transfers(tmp_path / "bin")
    config = {**lab.client.files, **fresh_state()}
    run = Run(tmp_path / "run", [server(first)], search(folds=1)[:1], cluster=config, env=transfers.env)
    assert run.finish().returncode == 0
    assert transfers.sent_base_models() == []
    jobs = [{**search(folds=1)[0], "prefix": f"repeat_{number}"} for number in range(8)]
    run.write("jobs.json", jobs)
    run.write("cluster.json", {"servers": [server(second, cpu_slots=8)], **config})
    done = run.finish()
    assert done.returncode == 0, done.stdout + done.stderr
    (spec_hash,) = (path.name for path in run.layout.base_models.iterdir())
    assert transfers.sent_base_models() == [(spec_hash, "worker-2")]
    entries = _jobs(run.layout.phase2_log)
    assert [(job["worker"], job["success"]) for job in entries] == [("worker-2", True)] * 8


@pytest.mark.timeout(600)
def test_three_generations_on_two_workers_are_each_trained_once_from_the_one_before(
    cluster: tuple[Lab, list[Worker]], tmp_path: Path
) -> None:
    lab, workers = cluster
    make_digits(tmp_path / "digits")
    config = {
        **lab.client.files,
        **fresh_state(),
        "python": workers[0].python,
        "env": {"OMP_NUM_THREADS": "1"},
        "data": {"data/digits": {"sync": str(tmp_path / "digits")}},
    }
    servers = [server(worker, cpu_slots=1) for worker in workers[:2]]
    run = Run(tmp_path / "run", servers, generations(), None, config)
    done = run.finish("--trainer", "personalization", "--json", timeout_s=560)
    assert done.returncode == 0, done.stdout + done.stderr
    check_generations(run, json.loads(done.stdout))
