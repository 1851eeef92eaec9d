from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from master.errors import ConfigError
from master.intake.machines.login import host_of, with_login
from master.intake.strict_json import Node, parse_document
from master.specs import ServerSpec


def node(value: dict[str, Any]) -> Node:
    return parse_document(json.dumps(value), "cluster.json").root


def test_a_login_is_laid_over_what_a_machine_is_like() -> None:
    told = node({"user": "me", "port": 2222, "ssh_key": "keys/lab"})
    spec = with_login(told, "login1", ServerSpec("", "", python="python3.11"), Path("/configs"))
    assert (spec.host, spec.user, spec.port, spec.ssh_key) == ("login1", "me", 2222, "/configs/keys/lab")
    assert spec.python == "python3.11"


def test_what_is_left_out_is_as_ssh_has_it() -> None:
    spec = with_login(node({}), "login1", ServerSpec("", "", user="other", port=1), Path())
    assert (spec.user, spec.port, spec.ssh_key) == (None, None, None)


@pytest.mark.parametrize(
    ("value", "says"),
    [({}, "`slurm` is missing"), ({"slurm": "me@login1"}, "as `user`"), ({"slurm": "-x"}, "is not a host")],
)
def test_a_host_that_is_none_is_refused(value: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        host_of(node(value), "slurm")
