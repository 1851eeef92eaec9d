"""The cluster config's keys in the reader, in the schema and in the documentation are the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from master.errors import ConfigError
from master.intake.cluster import SERVER_KEYS, TOP_KEYS, parse_cluster
from master.intake.cluster_settings import OF_AGENT, OF_SERVER, SHARED_KEYS, SharedSetting
from master.intake.machines.pool import POOL_KEYS
from master.runs.agents import python_of
from master.specs import ServerSpec
from tests.support.markdown import rows_below
from worker_agent.protocol.messages import Settings

DOCS = Path(__file__).parents[4] / "docs"
PAGE = (DOCS / "cluster_config.md").read_text()
GPUS = (DOCS / "gpus.md").read_text()
SCHEMA = json.loads((DOCS / "cluster_config.schema.json").read_text())
BY_THE_MASTER = {"least_slots", "gpus", "secrets", "modules", "required_modules", "directories"}
"""Settings of the agent that other keys, or the code, lead to."""
SHARED = rows_below(PAGE, "## For all servers, or for one")


def names(rows: list[list[str]]) -> list[str]:
    return [name.strip("` ") for row in rows for name in row[0].split(",")]


def test_the_schema_knows_exactly_the_keys_that_are_read() -> None:
    assert sorted(SCHEMA["properties"]) == sorted(TOP_KEYS)
    assert sorted(SCHEMA["$defs"]["server"]["properties"]) == sorted(SERVER_KEYS)
    assert sorted(SCHEMA["$defs"]["pool"]["properties"]) == sorted(POOL_KEYS)
    for key in SHARED_KEYS:
        for kind in ("server", "pool"):
            assert SCHEMA["properties"][key] == SCHEMA["$defs"][kind]["properties"][key]


def test_the_page_describes_exactly_the_keys_that_are_read() -> None:
    assert sorted(names(SHARED)) == sorted(SHARED_KEYS)
    own = names(rows_below(PAGE, "## A server"))
    assert sorted(own) == sorted(set(SERVER_KEYS) - set(SHARED_KEYS))
    pool = names(rows_below(PAGE, "## A pool"))
    assert sorted(pool) == sorted(set(POOL_KEYS) - set(SHARED_KEYS))
    top = names(rows_below(PAGE, "## Top level only"))
    assert sorted(top) == sorted(set(TOP_KEYS) - set(SHARED_KEYS) - {"$schema"})


def test_every_setting_of_the_agent_has_a_key() -> None:
    assert {setting.field for setting in OF_AGENT} | BY_THE_MASTER == set(vars(Settings()))


def server(**own: Any) -> ServerSpec:
    (spec,) = parse_cluster(json.dumps({"servers": [{"host": "a", "gpus": 0, **own}]})).servers
    return spec


def value_of(setting: SharedSetting, spec: ServerSpec) -> object:
    return getattr(spec.agent if setting in OF_AGENT else spec, setting.field)


@pytest.mark.parametrize("setting", [*OF_SERVER, *OF_AGENT], ids=lambda setting: setting.key)
def test_a_default_is_what_the_pages_say(setting: SharedSetting) -> None:
    rows = [row for row in (*SHARED, *rows_below(GPUS, "## How many jobs")) if row[0] == f"`{setting.key}`"]
    assert rows
    for _, default, _ in rows:
        if not default.startswith("`"):  # told in words: whoever uses it chooses
            assert value_of(setting, server()) is None
        elif setting.key == "python":
            assert python_of(server()) == default.strip("`")
        else:
            text = default.strip("`")
            given = text if text.startswith("~") else json.loads(text)
            assert server(**{setting.key: given}) == server()


VALUES: tuple[Any, ...] = (
    *(True, False, 0, 0.0, 1, 2, 64, 65, 1024, 1025, 3600, 3601, -1, 0.5, 1 << 20, 2**20 - 1, "", " ", "x"),
    *("a b", "/x", "~/x", "-x", "x/y", "1GB", "2MiB", "1 gb", "5m", "2h", "1d", "5", "-5s", []),
    *(["a", "a"], ["a", "b"], [1], ["a b"], {}, {"A": "1"}, {"A": 1}, {"A-": "1"}, {"TWOPHASE_A": "1"}),
    *({"d": "/d"}, {"d": "d"}, {"d": {"sync": "d"}}, {"d": {"sink": "d"}}, {"../d": "/d"}, "uuid"),
)
BEYOND_A_SCHEMA = [("kill_grace_s", "2h")]
"""Refused by the reader alone: a schema cannot compare text that has a unit."""


@pytest.mark.parametrize("key", SHARED_KEYS)
def test_the_schema_takes_what_is_taken(key: str) -> None:
    validator = jsonschema.Draft202012Validator(SCHEMA)
    for value in VALUES:
        entry = {"host": "a", "gpus": 0, key: value}
        seen = is_taken(key, value) or (key, value) in BEYOND_A_SCHEMA
        assert validator.is_valid({"servers": [entry]}) is seen, value


def is_taken(key: str, value: object) -> bool:
    try:
        server(**{key: value})
    except ConfigError:
        return False
    return True


def test_limits_that_other_pages_mention_are_the_defaults() -> None:
    watching = (DOCS / "watching_jobs.md").read_text()
    size = f"({Settings.checkpoint_limit_bytes >> 30} GiB)"
    assert f"`checkpoint_limit` of the [cluster config](cluster_config.md) {size}" in watching
    assert Settings.kill_grace_s == 10 and "SIGINT, after ten seconds SIGTERM" in watching
