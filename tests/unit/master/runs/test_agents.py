"""The links to agents, and the sessions that carry them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from master.adapters.local_session import LocalSession
from master.adapters.ssh_session import SshSession
from master.intake.cluster import parse_cluster
from master.runs.agents import RunName, link_maker, open_session, python_of
from master.specs import ClusterSpec, ServerSpec


def cluster_of(folder: Path, **settings: Any) -> ClusterSpec:
    servers = [{"host": "lab1", "gpus": 2, "user": "bob"}, {"host": "localhost", "gpus": 0, "cpu_slots": 1}]
    return parse_cluster(json.dumps({"servers": servers, **settings}), str(folder / "cluster.json"))


def test_this_machine_needs_no_ssh(tmp_path: Path) -> None:
    cluster = cluster_of(tmp_path)
    remote, local = (open_session(server, cluster) for server in cluster.servers)
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
    assert python_of(ServerSpec(host, host, python=python)) == command


def test_each_worker_gets_its_own_run_and_settings(tmp_path: Path) -> None:
    cluster = cluster_of(tmp_path, state_dir="/s p/x; rm -rf ~", env={"OMP_NUM_THREADS": "1"})
    make_link = link_maker(RunName("run", 3), SimpleQueue())
    links = {server.name: make_link(server, cluster) for server in cluster.servers}
    hellos = [links[server.name]._greeting.hello for server in cluster.servers]
    assert [hello.epoch for hello in hellos] == [3, 3]
    assert len({hello.run_id for hello in hellos}) == 2
    assert hellos[0].settings.gpus == ["0", "1"]
    assert hellos[1].settings.cpu_slots == 1
    assert hellos[0].settings.env == {"OMP_NUM_THREADS": "1"}
