"""The cluster of a verb that needs no run."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from master.errors import UsageError
from master.verbs.common.clusters import add_cluster_option, cluster_of, machines_in


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_cluster_option(parser)
    return parser.parse_args(words)


def test_the_config_that_is_named_comes_before_the_usual_one_and_that_before_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    cluster, config = cluster_of(parsed())
    assert config is None and [server.host for server in cluster.servers] == ["localhost"]
    for name in ("cluster_config", "other"):
        Path(f"{name}.json").write_text(
            json.dumps({"servers": [{"host": name.replace("_", "-"), "gpus": 0}]})
        )
    found = [cluster_of(parsed(*words)) for words in ([], ["--cluster-config", "other.json"])]
    assert [(cluster.servers[0].host, str(config)) for cluster, config in found] == [
        ("cluster-config", "cluster_config.json"),
        ("other", "other.json"),
    ]


def test_seats_of_pools_are_no_machines_without_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pools = {"pools": [{"slurm": "login", "seats": 2, "time": "1h"}]}
    Path("cluster_config.json").write_text(json.dumps({**pools, "servers": [{"host": "lab1", "gpus": 0}]}))
    cluster, _ = machines_in(parsed())
    assert [server.name for server in cluster.servers] == ["lab1"]
    Path("cluster_config.json").write_text(json.dumps(pools))
    with pytest.raises(UsageError, match=r"cluster_config\.json lists pools alone"):
        machines_in(parsed())
