"""Paths on the head node become absolute."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from master.errors import ConfigError
from master.intake.cluster import parse_cluster
from master.intake.head_paths import files_of_secrets, with_head_paths
from master.specs import ClusterSpec


def cluster_of(folder: Path, **settings: Any) -> ClusterSpec:
    servers = [{"host": "lab1", "gpus": 2, "user": "bob"}, {"host": "localhost", "gpus": 0, "cpu_slots": 1}]
    return parse_cluster(json.dumps({"servers": servers, **settings}), str(folder / "cluster.json"))


def test_paths_on_the_head_node_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    for name in ("home/windows", "data"):
        (tmp_path / name).mkdir(parents=True)
    data = {"a": {"sync": "~/windows"}, "b": {"sync": "data"}, "c": "~/on/the/worker"}
    cluster = cluster_of(Path(), data=data, script_path="~/train.py")
    found = with_head_paths(cluster, "cluster.json")
    assert [item.path for item in found.servers[0].data] == [
        *(str(tmp_path / "home" / "windows"), str(tmp_path / "data"), "~/on/the/worker")
    ]
    assert found.script_path == str(tmp_path / "home" / "train.py")


@pytest.mark.parametrize("path", ["gone", "file"])
def test_data_that_is_not_there_is_named(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").touch()
    cluster = cluster_of(tmp_path, data={"data/a": {"sync": path}})
    with pytest.raises(ConfigError, match=rf"cluster\.json: data\.data/a: .*/{path} is no directory of this"):
        with_head_paths(cluster, "cluster.json")


def test_a_home_that_nobody_has_is_named(tmp_path: Path) -> None:
    cluster = cluster_of(tmp_path, script_path="~nobody-of-this-name/train.py")
    with pytest.raises(ConfigError, match="there is no such home directory"):
        with_head_paths(cluster, "cluster.json")


def test_files_of_secrets_are_the_config_and_those_that_it_names(tmp_path: Path) -> None:
    cluster = cluster_of(tmp_path, env_file="keys.env", notify="told")
    config = tmp_path / "cluster.json"
    found = set(files_of_secrets(config, cluster))
    assert found == {config, tmp_path / "keys.env", tmp_path / "told"}
    assert list(files_of_secrets(None, ClusterSpec(()))) == []
