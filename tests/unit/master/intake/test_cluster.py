from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from master.errors import ConfigError
from master.intake.cluster import parse_cluster, read_cluster
from master.specs import DataDir, ServerSpec
from worker_agent.protocol.messages import Settings
from worker_agent.protocol.terms import JobLimits

ROOT = Path(__file__).parents[4]
SCHEMA = json.loads((ROOT / "docs/cluster_config.schema.json").read_text())


def servers(*entries: dict[str, Any], **top: Any) -> tuple[ServerSpec, ...]:
    return parse_cluster(json.dumps({"servers": entries, **top})).servers


def test_the_example_is_valid_and_read() -> None:
    example = ROOT / "cluster_config.example.json"
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(example.read_text()))
    cluster = read_cluster(example)
    assert [(server.name, server.agent.gpus) for server in cluster.servers] == [
        ("lab1.example.org", ["0", "1"]),
        ("lab2.example.org", ["0", "2"]),
        ("lab3.example.org", []),
        ("localhost", ["auto"]),
    ]
    lab1, lab2, lab3, local = cluster.servers
    assert (lab2.port, lab2.ssh_key, lab2.python) == (2222, "~/.ssh/lab", "~/envs/torch/bin/python")
    assert (lab1.python, lab1.agent.work_dir, lab2.agent.work_dir) == (
        "python3",
        None,
        "/scratch/alice/twophase",
    )
    assert (lab3.agent.cpu_slots, lab3.labels, lab3.agent.env["OMP_NUM_THREADS"]) == (4, ("cpu",), "2")
    assert lab1.agent.env["OMP_NUM_THREADS"] == "4"
    assert lab3.data == (DataDir("data/001_60s_window", "/datasets/001_60s_window"),)
    assert lab1.data == (DataDir("data/001_60s_window", str(ROOT / "data/001_60s_window"), sync=True),)
    assert local.is_local and not lab1.is_local


def test_the_smallest_server_has_the_defaults() -> None:
    assert servers({"host": "lab1", "gpus": 2}) == (
        ServerSpec("lab1", "lab1", agent=Settings(gpus=["0", "1"])),
    )


def test_limits_are_read_in_any_unit_and_a_server_precedes() -> None:
    entries = {"host": "a", "gpus": 0}, {"host": "b", "gpus": 0, "kill_grace_s": "2m", "log_limit": "200MB"}
    above, own = (
        server.agent for server in servers(*entries, kill_grace_s=0, log_limit="2MiB", checkpoint_limit="1GB")
    )
    assert (above.checkpoint_limit_bytes, own.checkpoint_limit_bytes) == (10**9, 10**9)
    assert (above.kill_grace_s, above.log_limit_bytes, above.cache_limit_bytes) == (0.0, 2 << 20, None)
    assert (own.kill_grace_s, own.log_limit_bytes) == (120.0, 200_000_000)
    above, own = (
        server.agent
        for server in servers(
            {"host": "a", "gpus": 0}, {**entries[1], "cache_limit": "1GB"}, cache_limit="50GB"
        )
    )
    assert (above.cache_limit_bytes, own.cache_limit_bytes) == (50 * 10**9, 10**9)


def test_gpu_ids_are_kept_as_cuda_takes_them() -> None:
    (server,) = servers({"host": "a", "gpus": [3, "1", "GPU-5c1e9f60-aa", "MIG-GPU-5c1e/7/0"]})
    assert server.agent.gpus == ["3", "1", "GPU-5c1e9f60-aa", "MIG-GPU-5c1e/7/0"]


@pytest.mark.parametrize(
    "entry", [{"gpus": 0}, {"gpus": []}, {"cpu_slots": 2}, {"gpus": None, "cpu_slots": 2}]
)
def test_a_server_without_gpus_has_cpu_slots(entry: dict[str, Any]) -> None:
    (server,) = servers({"host": "a", **entry})
    assert (server.agent.gpus, server.agent.cpu_slots) == ([], entry.get("cpu_slots"))


def test_null_is_the_same_as_leaving_out() -> None:
    keys = (
        "user",
        "port",
        "ssh_key",
        "python",
        "work_dir",
        "state_dir",
        "env",
        "data",
        "labels",
        "cpu_slots",
    )
    entry = {"host": "a", "gpus": 1, **dict.fromkeys(keys)}
    assert servers(entry, env=None) == servers({"host": "a", "gpus": 1})
    jsonschema.Draft202012Validator(SCHEMA).validate({"servers": [entry], "env": None})


def test_a_server_overrides_the_top_level_and_adds_to_env_and_data() -> None:
    top = {"state_dir": "/s", "env": {"A": "1", "B": "1"}, "data": {"d": "/d", "e": "/e"}, "labels": ["x"]}
    own = {"state_dir": "/t", "env": {"B": "2", "C": ""}, "data": {"e": "~/e"}, "labels": []}
    first, second = servers({"host": "a", "gpus": 1, **own}, {"host": "b", "gpus": 1}, **top)
    assert (first.state_dir, first.agent.env) == ("/t", {"A": "1", "B": "2", "C": ""})
    assert first.data == (DataDir("d", "/d"), DataDir("e", "~/e"))
    assert first.labels == ()
    assert (second.state_dir, second.agent.env, second.labels) == ("/s", {"A": "1", "B": "1"}, ("x",))


def test_entries_that_share_a_host_are_told_apart_by_user_and_port() -> None:
    one, two, three, other = servers(
        {"host": "127.0.0.1", "gpus": 1},
        {"host": "127.0.0.1", "gpus": 1, "port": 2201},
        {"host": "127.0.0.1", "gpus": 1, "port": 2201, "user": "bob"},
        {"host": "lab2", "gpus": 1, "port": 2201, "user": "bob"},
    )
    assert [each.name for each in (one, two, three, other)] == [
        "127.0.0.1",
        "127.0.0.1:2201",
        "bob@127.0.0.1:2201",
        "lab2",
    ]


def test_only_localhost_is_local() -> None:
    assert [
        each.is_local for each in servers({"host": "localhost", "gpus": 1}, {"host": "127.0.0.1", "gpus": 1})
    ] == [
        True,
        False,
    ]


def test_relative_paths_are_relative_to_the_config(tmp_path: Path) -> None:
    config = tmp_path / "cluster.yaml"
    config.write_text(
        "servers: [{host: a, gpus: 1, ssh_key: keys/id}]\n"
        "script_path: train.py\nssh_config: ~/x\nknown_hosts: /etc/ssh/known\n"
    )
    cluster = read_cluster(config)
    assert cluster.script_path == str(tmp_path / "train.py")
    assert (cluster.ssh_config, cluster.known_hosts) == ("~/x", "/etc/ssh/known")
    assert cluster.servers[0].ssh_key == str(tmp_path / "keys/id")


def test_the_line_is_that_of_the_value() -> None:
    text = '{\n "servers": [\n  {"host": "a", "gpus": 1},\n  {"host": "b",\n   "gpus": -1}]}'
    with pytest.raises(ConfigError, match=r"servers\[1\]\.gpus \(line 5\)"):
        parse_cluster(text)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(sorted(SCHEMA["$defs"]["server"]["properties"]))


@given(st.dictionaries(KEYS, VALUES), st.dictionaries(st.sampled_from(sorted(SCHEMA["properties"])), VALUES))
def test_nothing_but_a_config_error_is_raised(server: dict[str, Any], top: dict[str, Any]) -> None:
    try:
        cluster = parse_cluster(json.dumps({"servers": [{"host": "a", "gpus": 1, **server}], **top}))
    except ConfigError as error:
        assert str(error).isprintable()
    else:
        assert cluster.servers


@pytest.mark.parametrize(
    ("said", "peers"), [("", False), (', "peers": null', False), (', "peers": true', True)]
)
def test_workers_are_peers_where_that_is_said(said: str, peers: bool) -> None:
    assert parse_cluster('{"servers": [{"host": "a", "gpus": 1}]' + said + "}").peers is peers


@pytest.mark.parametrize("said", ['"yes"', "1", "[]"])
def test_whether_workers_are_peers_is_true_or_false(said: str) -> None:
    with pytest.raises(ConfigError, match=r"peers .*must be true or false, but is"):
        parse_cluster('{"servers": [{"host": "a", "gpus": 1}], "peers": ' + said + "}")


def test_the_labels_of_phase_1_are_those_of_some_server() -> None:
    entry = {"host": "a", "gpus": 1, "labels": ["trusted"]}
    text = json.dumps({"servers": [entry, {"host": "b", "gpus": 1}], "phase1_labels": ["trusted"]})
    assert parse_cluster(text).phase1_labels == ("trusted",)
    with pytest.raises(ConfigError, match=r"phase1_labels.*no server has the label `truste`.*`trusted`"):
        parse_cluster(text.replace('"phase1_labels": ["trusted"]', '"phase1_labels": ["truste"]'))


def test_limits_of_a_server_are_added_to_those_of_all() -> None:
    own = {"memory": "8GB", "output": None}
    above, below = servers(
        {"host": "a", "gpus": 0},
        {"host": "b", "gpus": 0, "limits": own},
        limits={"memory": "2GB", "processes": 9},
    )
    assert above.limits == JobLimits(memory_bytes=2 * 10**9, processes=9)
    assert below.limits == JobLimits(memory_bytes=8 * 10**9, processes=9)


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        ({"memmory": "1GB"}, "did you mean `memory`"),
        ({"memory": "much"}, "allowed is, from 1 bytes on"),
        ({"processes": 0}, "processes"),
        (["1GB"], "limits"),
    ],
)
def test_wrong_limits_of_servers_are_told(limits: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        servers({"host": "a", "gpus": 0, "limits": limits})
