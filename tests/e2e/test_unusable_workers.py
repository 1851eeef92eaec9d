"""Workers that cannot be used: the others work on, and the user reads which one is out and why."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from master.core.running.lifecycle import Trigger
from tests.e2e.cluster import fresh_state, server, wait_for
from tests.e2e.containers import Lab, Worker
from tests.support.runs import Run, search
from tests.support.ssh_home import free_port, make_key

pytestmark = pytest.mark.containers

REASONS = {
    "refused": "refuses every key",
    "changed": "the host key has CHANGED",
    "unreachable": "cannot connect to 127.0.0.1:",
    "no-rsync": "no rsync",
    "no-python": "no Python: `python3` cannot be run",
    "no-state": "cannot write /state; set `state_dir`",
    "full": "No space left on device",
}
"""What is said of each worker."""


class Misfits:
    """One good worker and one for each thing that can be wrong."""

    def __init__(self, lab: Lab, directory: Path) -> None:
        self.lab = lab
        self.good = lab.start("good")
        others = [lab.start(name) for name in ("changed", "no-rsync", "no-python")]
        self.full = lab.start("full", tmpfs={"/scratch": "size=1m,mode=1777"})
        for worker in (self.good, *others, self.full):
            worker.wait_ready()
        changed, no_rsync, no_python = others
        _remove(no_rsync, "/usr/bin/rsync")
        _remove(no_python, "/usr/bin/python3")
        public = make_key(directory / "forged").with_suffix(".pub").read_text()
        lab.client.trust(changed.port, public)
        self._alias("refused", self.good.port, "other")
        self._alias("no-state", self.good.port, "worker")
        self._alias("unreachable", free_port(), "worker")

    def _alias(self, name: str, port: int, user: str) -> None:
        """Name the good worker once more, for another user or port."""
        key = self.good.exec(["cat", "/etc/ssh/ssh_host_ed25519_key.pub"]).stdout
        self.lab.client.add_host(name, port, user, key)

    def servers(self) -> list[dict[str, Any]]:
        """Return the entries of the workers that cannot be used."""
        settings = {"no-state": {"state_dir": "/state"}, "full": {"work_dir": "/scratch"}}
        return [{"host": name, "gpus": 0, "cpu_slots": 2, **settings.get(name, {})} for name in REASONS]


def _remove(worker: Worker, path: str) -> None:
    assert worker.exec(["rm", path], user="root").exit_code == 0


@pytest.fixture(scope="module")
def misfits(
    docker_engine: docker.DockerClient, worker_image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Misfits]:
    directory = tmp_path_factory.mktemp("misfits")
    with Lab(docker_engine, worker_image, directory / "lab") as lab:
        yield Misfits(lab, directory)


def make_run(root: Path, misfits: Misfits, servers: list[dict[str, Any]]) -> Run:
    """Return a run whose data does not fit on the full worker."""
    data = root / "data"
    data.mkdir()
    (data / "windows.bin").write_bytes(bytes(range(256)) * 8192)
    config = {**misfits.lab.client.files, **fresh_state(), "data": {"windows": {"sync": str(data)}}}
    return Run(root, servers, search(seconds=0.5), cluster=config)


def check_reasons(output: str) -> None:
    """Assert that one line names each worker with its reason; further lines of a reason are indented."""
    lines = re.sub(r"\n {4}", " ", output).splitlines()
    for name, reason in REASONS.items():
        assert any(f"{name}: " in line and reason in line for line in lines), (name, output)


def test_unusable_workers_leave_the_good_one_to_do_all(misfits: Misfits, tmp_path: Path) -> None:
    run = make_run(tmp_path, misfits, [*misfits.servers(), server(misfits.good)])
    done = run.finish()
    assert done.returncode == 0, done.stdout + done.stderr
    run.check_complete(jobs=15, base_models=3)
    check_reasons(done.stdout + done.stderr)
    assert {item.worker for item in run.transitions() if item.trigger is Trigger.START} == {"good"}


def test_nothing_but_unusable_workers_ends_the_run(misfits: Misfits, tmp_path: Path) -> None:
    run = make_run(tmp_path, misfits, misfits.servers())
    done = run.finish("--give-up-after", "0")
    assert done.returncode == 4, done.stdout + done.stderr
    check_reasons(done.stderr.partition("no usable worker:")[2])
    assert run.count(Trigger.COLLECT) == {}


def test_a_disk_that_fills_up_costs_no_result_and_is_named(misfits: Misfits, tmp_path: Path) -> None:
    servers = [server(misfits.good), server(misfits.full, work_dir="/scratch")]
    run = Run(tmp_path, servers, search(seconds=1), cluster={**misfits.lab.client.files, **fresh_state()})
    log = tmp_path / "run.log"
    with run.start("--log-file", str(log)) as master:
        try:
            wait_for("a job on the worker", lambda: log.exists() and "on full in" in log.read_text())
            misfits.full.exec(["sh", "-c", "cat /dev/zero >/scratch/other"])
            output, _ = master.communicate(timeout=200)
        finally:
            master.kill()
            misfits.full.exec(["rm", "-f", "/scratch/other"])
    assert master.returncode == 0, output
    run.check_complete(jobs=15, base_models=3)
    assert any("full" in line and "o space left" in line for line in output.splitlines()), output
