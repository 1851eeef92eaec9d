"""How a worker was reached survives in the journal, its secrets do not."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from master.runs.fleet.reached import as_json, from_json
from master.specs import ClusterSpec, PoolSpec, ServerSpec
from worker_agent.protocol.messages import Settings

SERVER = ServerSpec(
    *("anna@lab1:2222", "lab1", "anna", 2222, "~/.ssh/lab", "~/env/bin/python", "/scratch/t"),
    secrets={"TOKEN": "hunter2"},
    env_from=("TOKEN",),
    agent=Settings(gpus=["0"], work_dir="/scratch/w", kill_grace_s=3.0),
)
CLUSTER = ClusterSpec((SERVER,), ssh_config="/etc/lab/ssh", known_hosts="/etc/lab/known")


def test_a_worker_is_found_again_as_it_was() -> None:
    told = json.loads(json.dumps(as_json(SERVER, CLUSTER)))
    assert "hunter2" not in json.dumps(told)
    server, cluster = from_json(SERVER.name, told)
    assert (server.name, server.host, server.user, server.port) == ("anna@lab1:2222", "lab1", "anna", 2222)
    assert (server.ssh_key, server.python, server.state_dir) == (SERVER.ssh_key, SERVER.python, "/scratch/t")
    assert server.agent == SERVER.agent and server.secrets == {}
    assert (cluster.servers, cluster.ssh_config, cluster.known_hosts) == (
        (server,),
        "/etc/lab/ssh",
        "/etc/lab/known",
    )


def test_a_seat_is_found_again_with_its_pool() -> None:
    login = replace(SERVER, name="lab1", secrets={}, env_from=())
    pool = PoolSpec("hpc", login, 8, 3600.0, 60.0, 2, "ssh", ("--partition=gpu",))
    told = json.loads(json.dumps(as_json(pool.seat(3), CLUSTER)))
    server, _ = from_json("hpc.3", told)
    assert server == pool.seat(3)


@pytest.mark.parametrize("told", [{}, {"agent": 3}, {"agent": {"gpus": 4}}, {"agent": {}, "host": "lab1"}])
def test_what_is_none_is_told(told: dict[str, object]) -> None:
    with pytest.raises((ValueError, LookupError, TypeError)):
        from_json("lab1", told)
