"""The config of a worker that joins is read like that of the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from master.core.running.orders.of_workers import AddWorker
from master.errors import ConfigError
from master.runs.fleet.joining import described, read_joining
from master.specs import ClusterSpec, PoolSpec, ServerSpec
from worker_agent.protocol.messages import Settings


def order(*servers: dict[str, Any], folder: str = "/home/anna", **shared: Any) -> AddWorker:
    return AddWorker({"servers": list(servers), **shared}, folder)


def test_a_worker_has_what_its_config_says_and_needs_what_the_others_do(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    lab9 = {"host": "lab9", "gpus": 2, "labels": ["big"], "data": {"d": {"sync": "d"}}}
    needs = Settings(modules=["scipy", "d"], required_modules=["torch"])
    others = (ServerSpec("lab1", "lab1", agent=needs),)
    joining = order(lab9, folder=str(tmp_path), cpu_slots=3, known_hosts="known")
    cluster = read_joining(joining, ClusterSpec(others))
    (server,) = cluster.servers
    assert (server.name, server.agent.gpus, server.agent.cpu_slots) == ("lab9", ["0", "1"], 3)
    assert server.data[0].path == str(tmp_path / "d") and cluster.known_hosts == str(tmp_path / "known")
    assert (server.agent.modules, server.agent.required_modules) == (["scipy"], ["torch"])
    told = described(order(lab9), server)
    assert (told.name, told.labels, told.pool) == ("lab9", ["big"], "")


def test_a_seat_is_the_one_that_the_run_has_whatever_a_config_says() -> None:
    pool = PoolSpec("hpc", ServerSpec("login", "login", labels=("big",)), 2, 3600.0)
    listed = ClusterSpec(pool.all_seats, pools=(pool,), known_hosts="known")
    found = read_joining(AddWorker({}, seat="hpc.2"), listed)
    assert found == ClusterSpec((pool.seat(2),), pools=(pool,), known_hosts="known")
    told = described(AddWorker({}, seat="hpc.2"), found.servers[0])
    assert (told.name, told.labels, told.pool) == ("hpc.2", ["big"], "hpc")
    for seat, cluster, says in [
        ("hpc.3", listed, "hpc.3 is no seat of this run, which has hpc.1 to hpc.2"),
        ("lab1", ClusterSpec((ServerSpec("lab1", "lab1"),)), "is no seat of this run, which has no pools"),
    ]:
        with pytest.raises(ConfigError, match=says):
            read_joining(AddWorker({}, seat=seat), cluster)


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (order(), "at least one object"),
        (order({"host": "a", "gpus": 0}, {"host": "b", "gpus": 0}), "lists 2 servers: give one"),
        (order({"host": "a@b"}), "write the part before the @ as `user`"),
        (order({"host": "a", "gpu": 1}), "gpu"),
        (order({"host": "a", "gpus": 0, "env_from": ["NOT_SET_ANYWHERE"]}), "is not set here"),
        (AddWorker({}, "/"), "servers"),
        (AddWorker({"pools": [{"slurm": "hpc", "seats": 1, "time": "1h"}]}, "/"), "no pool can join a run"),
    ],
)
def test_what_is_no_config_of_one_worker_is_refused(config: AddWorker, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        read_joining(config, ClusterSpec(()))
