"""Who is told of a run, as a cluster config says it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from master.errors import ConfigError
from master.intake.cluster import parse_cluster
from master.intake.secrets.notify import with_notify
from master.specs import TOLD_OF, ClusterSpec, NotifySpec

SECRET = "json://me:s3cr3t@example.org"


def parsed(notify: Any, source: str = "lab/cluster.json") -> NotifySpec | None:
    text = json.dumps({"servers": [{"host": "a", "gpus": 0}], "notify": notify})
    return parse_cluster(text, source).notify


def private_file(folder: Path, mode: int = 0o600) -> Path:
    path = folder / "told"
    path.write_text(SECRET)
    path.chmod(mode)
    return path


def test_nobody_is_told_unless_that_is_said() -> None:
    assert parsed(None) is None
    assert with_notify(ClusterSpec(()), None, "here").notify is None


def test_a_name_is_a_file_beside_the_config() -> None:
    assert parsed("told") == NotifySpec("lab/told")
    assert parsed("~/told") == NotifySpec("~/told", (), TOLD_OF)


def test_an_object_says_more() -> None:
    told = parsed({"command": ["./tell", "lab"], "on": ["end"]})
    assert told == NotifySpec(None, ("lab/./tell", "lab"), ("end",))
    assert parsed({"command": ["tell"]}) == NotifySpec(None, ("tell",)), "found on the PATH"
    assert parsed({"command": ["~/tell"]}) == NotifySpec(None, ("~/tell",))


@pytest.mark.parametrize(
    ("notify", "problem"),
    [
        ({}, "names nobody"),
        ({"on": ["end"]}, "names nobody"),
        ({"command": []}, "must be a program"),
        ({"command": "tell lab"}, "must be a list"),
        ({"addresses": "a", "on": ["ends"]}, "`ends` is not known, allowed are end, failure, worker"),
        ({"addresses": "a", "on": ["end", "end"]}, "event `end` is listed twice"),
        ({"adresses": "a"}, "addresses"),
        (7, "must be an object"),
    ],
)
def test_what_is_not_understood_is_refused(notify: Any, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        parsed(notify)


@pytest.mark.parametrize("notify", [SECRET, {"addresses": SECRET}])
def test_an_address_in_the_config_is_refused_and_not_shown(notify: Any) -> None:
    with pytest.raises(ConfigError, match="`chmod 600` that") as told:
        parsed(notify)
    assert "s3cr3t" not in str(told.value)


def test_the_file_must_be_the_users_alone(tmp_path: Path) -> None:
    cluster = ClusterSpec((), notify=NotifySpec(str(private_file(tmp_path, 0o640))))
    with pytest.raises(ConfigError, match=r"others may read it \(mode 0640\): `chmod 600 .*told`") as told:
        with_notify(cluster, None, "cluster.json")
    assert "s3cr3t" not in str(told.value)


def test_the_file_must_be_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the addresses of `notify` cannot be read: No such file"):
        with_notify(ClusterSpec(()), tmp_path / "none", "cluster.json")
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        with_notify(ClusterSpec(()), tmp_path, "cluster.json")


def test_the_flag_takes_the_place_of_the_file_alone(tmp_path: Path) -> None:
    cluster = ClusterSpec((), notify=NotifySpec("/none", ("./tell",), ("end",)))
    path = private_file(tmp_path)
    told = with_notify(cluster, path, "cluster.json").notify
    assert told == NotifySpec(str(path), (str(Path.cwd() / "tell"),), ("end",))
