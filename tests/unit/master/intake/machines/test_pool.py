from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from master.errors import ConfigError
from master.intake.cluster import parse_cluster, read_cluster
from master.specs import ClusterSpec, PoolSpec
from worker_agent.protocol.messages import AUTO

ROOT = Path(__file__).parents[5]
SCHEMA = json.loads((ROOT / "docs/cluster_config.schema.json").read_text())
LEAST = {"slurm": "login1.hpc.example.org", "seats": 3, "time": "4h"}


def cluster(*pools: dict[str, Any], **top: Any) -> ClusterSpec:
    return parse_cluster(json.dumps({"pools": pools, **top}))


def pool(**own: Any) -> PoolSpec:
    (found,) = cluster({**LEAST, **own}).pools
    return found


def test_the_example_is_valid_and_read() -> None:
    example = ROOT / "cluster_config.slurm.example.json"
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(example.read_text()))
    found = read_cluster(example)
    assert [server.name for server in found.servers][:2] == ["lab1.example.org", "hpc.1"]
    (hpc,) = found.pools
    assert (hpc.seats, hpc.time_s, hpc.options[0]) == (8, 14400.0, "--partition=gpu")


def test_the_smallest_pool_has_the_defaults() -> None:
    found = pool()
    assert (found.name, found.seats, found.time_s) == ("login1", 3, 4 * 3600.0)
    assert (found.idle_s, found.queued, found.reach, found.options) == (300.0, 1, "srun", ())
    assert (found.login.name, found.login.host) == ("login1.hpc.example.org",) * 2
    assert found.login.agent.gpus == [AUTO]


def test_seats_are_workers_with_names_of_their_own_after_the_servers() -> None:
    found = cluster({**LEAST, "name": "hpc"}, servers=[{"host": "lab1", "gpus": 1}])
    assert [server.name for server in found.servers] == ["lab1", "hpc.1", "hpc.2", "hpc.3"]
    assert [server.pool for server in found.servers] == [None, *found.pools * 3]
    assert {server.host for server in found.servers[1:]} == {"login1.hpc.example.org"}


def test_a_seat_on_this_machines_own_slurm_is_not_this_machine() -> None:
    (found,) = cluster({**LEAST, "slurm": "localhost", "seats": 1}).servers
    assert found.name == "slurm.1" and found.is_here and not found.is_local


def test_what_holds_for_all_servers_holds_for_seats_and_a_pool_precedes() -> None:
    above = {"python": "python3", "setup": ["module load cuda"], "env": {"A": "1"}, "labels": ["all"]}
    found = cluster({**LEAST, "setup": "module load torch", "env": {"B": "2"}, "user": "me"}, **above)
    for seat in found.servers:
        assert (seat.user, seat.python, seat.labels) == ("me", "python3", ("all",))
        assert (seat.agent.setup, seat.agent.env) == (["module load torch"], {"A": "1", "B": "2"})


def test_everything_is_read() -> None:
    more = {"queued": 2, "time": 5400, "idle": "2m", "reach": "ssh", "options": ["--partition=gpu"]}
    found = pool(**more, gpus=0, cpu_slots=4)
    assert (found.queued, found.time_s, found.idle_s, found.reach) == (2, 5400.0, 120.0, "ssh")
    assert found.options == ("--partition=gpu",)
    assert (found.login.agent.gpus, found.login.agent.cpu_slots) == ([], 4)


REFUSED: list[tuple[dict[str, Any], str, bool]] = [
    ({"slurm": None}, "`slurm` is missing", True),
    ({"seats": None}, "`seats` is missing", True),
    ({"seats": 0}, "whole numbers from 1 to 1000", True),
    ({"time": None}, "`time` is missing", True),
    ({"time": "10s"}, "from a minute to a year", False),
    ({"time": 30}, "from a minute to a year", True),
    ({"time": "UNLIMITED"}, "from a minute to a year", True),
    ({"queued": 0}, "whole numbers from 1 to 1000", True),
    ({"idle": "soon"}, "allowed is 0, or", True),
    ({"reach": "tcp"}, "allowed are `srun` and `ssh`", True),
    ({"name": "a.b"}, "is not a name", True),
    ({"gpus": 4}, "such as --gres=gpu:4", True),
    ({"gpus": [0]}, "such as --gres=gpu:4", True),
    ({"options": "--partition=gpu"}, "must be a list", True),
    ({"options": ["gpu"]}, "is not an option of sbatch", True),
    ({"options": ["--nodes=2"]}, "a seat is one node", False),
    ({"partition": "gpu"}, "partition", True),
]


@pytest.mark.parametrize(("own", "says", "seen"), REFUSED, ids=lambda value: json.dumps(value)[:40])
def test_what_cannot_be_is_refused_and_by_the_schema_where_that_sees_it(
    own: dict[str, Any], says: str, seen: bool
) -> None:
    with pytest.raises(ConfigError) as caught:
        pool(**own)
    assert says in caught.value.problem and caught.value.place.startswith("pools[0]")
    validator = jsonschema.Draft202012Validator(SCHEMA)
    assert validator.is_valid({"pools": [LEAST]})
    assert validator.is_valid({"pools": [{**LEAST, **own}]}) is not seen


def test_pools_and_seats_have_one_name_each() -> None:
    with pytest.raises(ConfigError, match="two pools are called login1"):
        cluster(LEAST, LEAST)
    with pytest.raises(ConfigError, match=r"its seat hpc\.2 is called like a server"):
        cluster({**LEAST, "name": "hpc"}, servers=[{"host": "hpc.2", "gpus": 0}])


def test_neither_servers_nor_pools_are_refused() -> None:
    with pytest.raises(ConfigError, match="a list of at least one object like"):
        cluster()
    with pytest.raises(ConfigError, match="`servers` must be a list of at least one"):
        parse_cluster('{"servers": []}')


def test_beside_pools_there_may_be_no_servers() -> None:
    assert cluster(LEAST, servers=[]) == cluster(LEAST)
    jsonschema.Draft202012Validator(SCHEMA).validate({"servers": [], "pools": [LEAST]})
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid({"servers": []})


@pytest.mark.parametrize("path", ["~", "~alice/x"])
def test_a_state_directory_is_named_as_a_node_finds_it(path: str) -> None:
    with pytest.raises(ConfigError, match=r"must begin with / or ~/ where nodes use it"):
        pool(state_dir=path)
    with pytest.raises(ConfigError, match=r"must begin with / or ~/ where nodes use it"):
        cluster(LEAST, state_dir=path)
