"""The cluster config of one worker."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from master.errors import ConfigError, UsageError
from master.verbs.workers.entry import config_with, config_without

LAB = {
    "$schema": "x",
    "servers": [
        {"host": "lab1", "gpus": 1, "labels": ["big"]},
        {"host": "lab2", "user": "anna", "gpus": 0},
        {"host": "lab2", "user": "bob", "port": 2222, "gpus": 0},
    ],
    "phase1_labels": ["big"],
    "cpu_slots": 3,
    "ssh_config": "ssh",
    "script_path": "train.py",
}


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    path = tmp_path / "lab.json"
    path.write_text(json.dumps(LAB))
    return path


def test_a_server_comes_with_what_holds_for_all(lab: Path) -> None:
    config = config_without("lab1", lab)
    assert config == {
        "cpu_slots": 3,
        "ssh_config": "ssh",
        "servers": [{"host": "lab1", "gpus": 1, "labels": ["big"]}],
    }


def test_servers_on_one_host_are_told_apart_by_user_and_port(lab: Path) -> None:
    assert config_without("bob@lab2:2222", lab)["servers"][0]["user"] == "bob"
    with pytest.raises(UsageError, match="lists several servers `lab2`: say anna@lab2 or bob@lab2:2222"):
        config_without("lab2", lab)


def test_an_entry_may_have_what_a_file_says_of_all(lab: Path) -> None:
    entry: dict[str, Any] = {"host": "lab9", "gpus": "auto"}
    assert config_with(json.dumps(entry), None) == {"servers": [entry]}
    assert config_with(json.dumps(entry), lab)["cpu_slots"] == 3


NONE = ["", "[]", "3", '{"host": "a", "gpu": 1}', '{"host": "a"', '{"a": 1, "a": 2}']


@pytest.mark.parametrize("entry", NONE)
def test_what_is_no_server_is_refused_with_its_place(entry: str) -> None:
    with pytest.raises(ConfigError, match="--entry"):
        config_with(entry, None)


def test_a_file_that_cannot_be_read_or_is_no_config_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        config_without("lab1", tmp_path / "nowhere.json")
    (tmp_path / "odd.json").write_text('{"server": []}')
    with pytest.raises(ConfigError, match="server"):
        config_without("lab1", tmp_path / "odd.json")
