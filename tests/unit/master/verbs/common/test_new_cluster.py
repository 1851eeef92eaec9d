"""A first cluster config."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from master.errors import ConfigError, UsageError
from master.verbs.common.new_cluster import checked, chosen, cluster_text, known_hosts_of, unlike

HOSTS = ["lab2", "lab1", "gate"]
CONFIG = """
Host lab2 lab1
    User me
  host="gate"
    HostName gate.example.org
Host *.example.org !bad ?x
    Port 2222
Host *
    ServerAliveInterval 5
"""


def test_hosts_are_those_that_are_named_and_no_patterns(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(CONFIG)
    assert known_hosts_of(path) == HOSTS
    assert known_hosts_of(tmp_path / "none") == []


def test_a_configuration_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        known_hosts_of(tmp_path)


@pytest.mark.parametrize(
    ("answer", "hosts"),
    [
        ("", []),
        ("all", HOSTS),
        ("none", []),
        ("2", ["lab1"]),
        ("3, lab2,3", ["gate", "lab2"]),
        ("other.example.org", ["other.example.org"]),
    ],
)
def test_an_answer_means_hosts(answer: str, hosts: list[str]) -> None:
    assert chosen(answer, HOSTS) == hosts


@pytest.mark.parametrize("answer", ["0", "4", "1 9"])
def test_a_number_that_is_none_of_the_list_is_told(answer: str) -> None:
    with pytest.raises(UsageError, match="is none of the 3 hosts of the list"):
        chosen(answer, HOSTS)


def test_a_name_that_is_nearly_another_is_noticed() -> None:
    assert unlike(["lab1", "lab_1", "elsewhere"], HOSTS) == {"lab_1": "lab1"}


def test_what_is_written_is_read_again() -> None:
    text = cluster_text(["lab1", "me.example.org"], here=True)
    assert json.loads(text)["servers"][0] == {"host": "lab1", "gpus": "auto"}
    spec = checked(text, Path("cluster_config.json"))
    assert [server.name for server in spec.servers] == ["lab1", "me.example.org", "localhost"]


def test_a_host_that_cannot_be_one_is_refused() -> None:
    with pytest.raises(ConfigError, match="host"):
        checked(cluster_text(["-oProxyCommand=x"], here=False), Path("c.json"))
