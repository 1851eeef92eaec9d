"""Workers that were added to a run are machines too."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from master.core.running.orders.of_workers import AddWorker, RemoveWorkers
from master.core.running.orders.order import By, Ordered
from master.intake.cluster import parse_cluster
from master.storage.journal import Journal
from master.storage.run_layout import RunLayout
from master.verbs.common import added_workers
from master.verbs.common.added_workers import with_added

CLUSTER = parse_cluster('{"servers": [{"host": "lab1", "gpus": 0}]}', "cluster_config.json")
ANNA = By(1000, "anna", 7)


def adding(host: str, name: str = "") -> Ordered:
    config = {"servers": [{"host": host, "gpus": 0}], "ssh_config": "/etc/ssh/theirs"}
    return Ordered(1.0, ANNA, AddWorker(config, name=name or host))


def journal(root: Path, *orders: Ordered) -> Path:
    layout = RunLayout(root)
    layout.journal.parent.mkdir(parents=True, exist_ok=True)
    with closing(Journal(layout.journal, "the-run")) as journal:
        journal.append([], orders)
    return root


def test_those_that_are_in_the_run_still_are_reached_in_their_own_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed = Ordered(2.0, ANNA, RemoveWorkers(["lab8"]))
    found = with_added(CLUSTER, journal(tmp_path, adding("lab8"), adding("lab9"), adding("lab1"), removed))
    assert [server.name for server in found.cluster.servers] == ["lab1", "lab9"]
    ways = list[str]()
    monkeypatch.setattr(added_workers, "open_session", lambda s, cluster, t: ways.append(cluster.ssh_config))
    for server in found.cluster.servers:
        found.connect(server, found.cluster, False)
    assert ways == [CLUSTER.ssh_config, "/etc/ssh/theirs"]


def test_what_cannot_be_read_adds_nothing(tmp_path: Path) -> None:
    assert with_added(CLUSTER, tmp_path / "nowhere").cluster == CLUSTER
    assert with_added(CLUSTER, journal(tmp_path / "a", adding("a b", "bad"))).cluster == CLUSTER
    damaged = RunLayout(tmp_path / "b").journal
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"no journal")
    assert with_added(CLUSTER, tmp_path / "b").cluster == CLUSTER
